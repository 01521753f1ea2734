//! A function: the execution environments that run it, and how invocations share them.

use std::sync::Arc;

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
    /// One that no invocation holds is idle.
    environments: Mutex<Vec<Arc<Environment>>>,
}

impl Function {
    /// Starts nothing yet: the first invocation does. Functions may share a log.
    pub(crate) fn new(handler: Handler, options: DeployOptions, log: FunctionLog) -> Self {
        Self {
            handler,
            options,
            log,
            environments: Mutex::default(),
        }
    }

    /// Runs one invocation in an environment that is idle, or else in a new one.
    pub(super) async fn invoke(&self, payload: impl Into<Bytes>) -> Invocation {
        let environment = match self.idle() {
            Some(environment) => environment,
            None => match Environment::start(self.handler, &self.options, &self.log).await {
                Ok(environment) => {
                    let environment = Arc::new(environment);
                    self.environments.lock().push(environment.clone());
                    environment
                }
                Err(error) => {
                    let program = self.options.program.display();
                    return Invocation::Died(format!("{program} cannot be started: {error}"));
                }
            },
        };
        let timeout = self.options.timeout_of(self.handler);
        environment.invoke(payload.into(), timeout).await
    }

    /// SIGKILL for the process with this access key id, or for all if it is not a function's;
    /// returns when it is gone.
    pub(crate) async fn kill(&self, access_key_id: Option<&str>) {
        // A function's id stands for its own process alone, even after that has ended.
        let one = access_key_id.filter(|id| id.starts_with(FUNCTION_KEY_PREFIX));
        let all = self.environments.lock().clone();
        for environment in all {
            if one.is_none_or(|id| environment.access_key_id == id) {
                environment.kill().await;
            }
        }
    }

    fn idle(&self) -> Option<Arc<Environment>> {
        let mut environments = self.environments.lock();
        // A process that ended between two invocations is replaced, as on Lambda.
        environments.retain(|environment| environment.is_alive());
        let mut newest_first = environments.iter().rev();
        newest_first.find(|it| Arc::strong_count(it) == 1).cloned()
    }
}
