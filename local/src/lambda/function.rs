//! A function: the execution environments that run it, and how invocations share them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use bytes::Bytes;
use serde_json::json;
use tokio::sync::Semaphore;

use super::FUNCTION_KEY_PREFIX;
use super::environment::Environment;
use super::invocation::Invocation;
use super::log::FunctionLog;
use super::options::FunctionOptions;

/// A function, ready to be invoked. Clones share it; the last one dropped ends its processes.
#[derive(Clone)]
pub struct Function(Arc<Inner>);

/// A function that may be gone.
#[derive(Clone)]
pub struct WeakFunction(Weak<Inner>);

impl WeakFunction {
    /// The function, if anyone still holds it.
    pub fn upgrade(&self) -> Option<Function> {
        self.0.upgrade().map(Function)
    }
}

struct Inner {
    options: FunctionOptions,
    log: FunctionLog,
    permits: Semaphore,
    started: AtomicU64,
    invocations: AtomicU64,
    idle: Mutex<Vec<Arc<Environment>>>,
    all: Mutex<Vec<Weak<Environment>>>,
}

impl Function {
    /// Starts nothing yet: the first invocation does. Functions may share a log.
    pub fn new(options: FunctionOptions, log: FunctionLog) -> Self {
        Self(Arc::new(Inner {
            log,
            permits: Semaphore::new(options.concurrency.max(1)),
            options,
            started: AtomicU64::new(0),
            invocations: AtomicU64::new(0),
            idle: Mutex::default(),
            all: Mutex::default(),
        }))
    }

    /// Its configuration.
    pub fn options(&self) -> &FunctionOptions {
        &self.0.options
    }

    /// What its processes write, perhaps among other functions' lines.
    pub fn log(&self) -> &FunctionLog {
        &self.0.log
    }

    /// Execution environments started so far.
    pub fn environments_started(&self) -> u64 {
        self.0.started.load(Ordering::SeqCst)
    }

    /// Invocations begun so far.
    pub fn invocations(&self) -> u64 {
        self.0.invocations.load(Ordering::SeqCst)
    }

    /// Runs one invocation in an environment that is idle, or else in a new one. An environment
    /// in which it failed by more than an error is not used again.
    pub async fn invoke(&self, payload: impl Into<Bytes>) -> Invocation {
        // The semaphore is never closed.
        let _permit = self.0.permits.acquire().await;
        self.0.invocations.fetch_add(1, Ordering::SeqCst);
        let environment = match self.take_idle() {
            Some(environment) => environment,
            None => match self.start().await {
                Ok(environment) => environment,
                Err(error) => return cannot_start(&self.0.options, &error),
            },
        };
        let invocation = environment
            .invoke(payload.into(), self.0.options.timeout)
            .await;
        if matches!(
            invocation,
            Invocation::Answer(_) | Invocation::FunctionError(_)
        ) {
            self.0
                .idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(environment);
        }
        invocation
    }

    /// SIGKILL for the process with this access key id, or for all if it is not a
    /// function's; returns when it is gone, and whether there was one.
    pub async fn kill(&self, access_key_id: Option<&str>) -> bool {
        let alive: Vec<_> = {
            let all = self.0.all.lock().unwrap_or_else(PoisonError::into_inner);
            all.iter()
                .filter_map(Weak::upgrade)
                .filter(|environment| environment.is_alive())
                .collect()
        };
        // A process's own id dooms only that process, even where it is already gone.
        let one = access_key_id.filter(|id| id.starts_with(FUNCTION_KEY_PREFIX));
        let doomed: Vec<_> = alive
            .into_iter()
            .filter(|environment| one.is_none_or(|id| environment.access_key_id == id))
            .collect();
        for environment in &doomed {
            environment.kill().await;
        }
        !doomed.is_empty()
    }

    /// The function for as long as others hold it.
    pub fn downgrade(&self) -> WeakFunction {
        WeakFunction(Arc::downgrade(&self.0))
    }

    fn take_idle(&self) -> Option<Arc<Environment>> {
        let mut idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // One that died between two invocations is replaced unseen, as on Lambda.
        idle.retain(|environment| environment.is_alive());
        idle.pop()
    }

    async fn start(&self) -> std::io::Result<Arc<Environment>> {
        self.0.started.fetch_add(1, Ordering::SeqCst);
        let environment = Arc::new(Environment::start(&self.0.options, &self.0.log).await?);
        let mut all = self.0.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|environment| environment.strong_count() > 0);
        all.push(Arc::downgrade(&environment));
        Ok(environment)
    }
}

fn cannot_start(options: &FunctionOptions, error: &std::io::Error) -> Invocation {
    let message = format!("{} cannot be started: {error}", options.program.display());
    let error = json!({"errorType": "Runtime.InvalidEntrypoint", "errorMessage": message});
    Invocation::InitError {
        error: Some(error),
        status: None,
        stderr: Vec::new(),
    }
}
