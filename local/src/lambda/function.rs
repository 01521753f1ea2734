//! A function: the execution environments that run it, and how invocations share them.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use parking_lot::Mutex;

use super::environment::Environment;
use super::log::FunctionLog;
use super::options::{DeployOptions, Handler};
use super::{FUNCTION_KEY_PREFIX, Invocation};

/// A function, ready to be invoked. Dropped, it ends its processes.
pub(crate) struct Function {
    handler: Handler,
    options: DeployOptions,
    log: FunctionLog,
    idle: Mutex<Vec<Arc<Environment>>>,
    all: Mutex<Vec<Weak<Environment>>>,
}

impl Function {
    /// Starts nothing yet: the first invocation does. Functions may share a log.
    pub(crate) fn new(handler: Handler, options: DeployOptions, log: FunctionLog) -> Self {
        Self {
            handler,
            options,
            log,
            idle: Mutex::default(),
            all: Mutex::default(),
        }
    }

    /// Runs one invocation in an environment that is idle, or else in a new one. An environment
    /// in which it failed by more than an error is not used again.
    pub(super) async fn invoke(&self, payload: impl Into<Bytes>) -> Invocation {
        let environment = match self.take_idle() {
            Some(environment) => environment,
            None => match self.start().await {
                Ok(environment) => environment,
                Err(error) => return Invocation::InitError(error),
            },
        };
        let timeout = self.options.timeout_of(self.handler);
        let invocation = environment.invoke(payload.into(), timeout).await;
        if let Invocation::Answer(_) | Invocation::FunctionError(_) = invocation {
            self.idle.lock().push(environment);
        }
        invocation
    }

    /// SIGKILL for the process with this access key id, or for all if it is not a function's;
    /// returns when it is gone.
    pub(crate) async fn kill(&self, access_key_id: Option<&str>) {
        // A process's own id dooms only that process, even where it is already gone.
        let one = access_key_id.filter(|id| id.starts_with(FUNCTION_KEY_PREFIX));
        let all: Vec<_> = self.all.lock().iter().filter_map(Weak::upgrade).collect();
        for environment in all {
            if one.is_none_or(|id| environment.access_key_id == id) {
                environment.kill().await;
            }
        }
    }

    fn take_idle(&self) -> Option<Arc<Environment>> {
        let mut idle = self.idle.lock();
        // One that died between two invocations is replaced unseen, as on Lambda.
        idle.retain(|environment| environment.is_alive());
        idle.pop()
    }

    async fn start(&self) -> Result<Arc<Environment>, String> {
        let started = Environment::start(self.handler, &self.options, &self.log).await;
        let environment = Arc::new(started.map_err(|error| {
            let program = self.options.program.display();
            format!("{program} cannot be started: {error}")
        })?);
        let mut all = self.all.lock();
        all.retain(|environment| environment.strong_count() > 0);
        all.push(Arc::downgrade(&environment));
        Ok(environment)
    }
}
