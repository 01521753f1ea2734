//! A function: the execution environments that run it, and how invocations share them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use serde_json::json;

use super::FUNCTION_KEY_PREFIX;
use super::environment::Environment;
use super::invocation::Invocation;
use super::log::FunctionLog;
use super::options::FunctionOptions;
use crate::faults::KillHook;

/// A function, ready to be invoked. Dropped, it ends its processes.
pub(crate) struct Function {
    options: FunctionOptions,
    log: FunctionLog,
    idle: Mutex<Vec<Arc<Environment>>>,
    all: Mutex<Vec<Weak<Environment>>>,
}

impl Function {
    /// Starts nothing yet: the first invocation does. Functions may share a log.
    pub(crate) fn new(options: FunctionOptions, log: FunctionLog) -> Self {
        Self {
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
                Err(error) => return cannot_start(&self.options, &error),
            },
        };
        let timeout = self.options.timeout();
        let invocation = environment.invoke(payload.into(), timeout).await;
        if let Invocation::Answer(_) | Invocation::FunctionError(_) = invocation {
            lock(&self.idle).push(environment);
        }
        invocation
    }

    /// What ends its processes for a fault, for as long as the function is there.
    pub(crate) fn kill_hook(self: &Arc<Self>) -> KillHook {
        let function = Arc::downgrade(self);
        Arc::new(move |access_key_id| {
            let function = function.upgrade();
            Box::pin(async move {
                match function {
                    Some(function) => function.kill(access_key_id.as_deref()).await,
                    None => false,
                }
            })
        })
    }

    /// SIGKILL for the process with this access key id, or for all if it is not a
    /// function's; returns when it is gone, and whether there was one.
    async fn kill(&self, access_key_id: Option<&str>) -> bool {
        // A process's own id dooms only that process, even where it is already gone.
        let one = access_key_id.filter(|id| id.starts_with(FUNCTION_KEY_PREFIX));
        let is_doomed = |environment: &Arc<Environment>| {
            environment.is_alive() && one.is_none_or(|id| environment.access_key_id == id)
        };
        let all: Vec<_> = lock(&self.all).iter().filter_map(Weak::upgrade).collect();
        let doomed: Vec<_> = all.into_iter().filter(is_doomed).collect();
        for environment in &doomed {
            environment.kill().await;
        }
        !doomed.is_empty()
    }

    fn take_idle(&self) -> Option<Arc<Environment>> {
        let mut idle = lock(&self.idle);
        // One that died between two invocations is replaced unseen, as on Lambda.
        idle.retain(|environment| environment.is_alive());
        idle.pop()
    }

    async fn start(&self) -> std::io::Result<Arc<Environment>> {
        let environment = Arc::new(Environment::start(&self.options, &self.log).await?);
        let mut all = lock(&self.all);
        all.retain(|environment| environment.strong_count() > 0);
        all.push(Arc::downgrade(&environment));
        Ok(environment)
    }
}

fn lock<T>(list: &Mutex<T>) -> MutexGuard<'_, T> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

fn cannot_start(options: &FunctionOptions, error: &std::io::Error) -> Invocation {
    let program = options.deploy.program.display();
    let message = format!("{program} cannot be started: {error}");
    let error = json!({"errorType": "Runtime.InvalidEntrypoint", "errorMessage": message});
    Invocation::InitError {
        error: Some(error),
        status: None,
        stderr: Vec::new(),
    }
}
