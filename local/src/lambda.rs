//! Lambda, as far as a function on an SQS event source can tell.
//!
//! A [`Function`] runs as its own process per execution environment, driven through the Lambda
//! Runtime API on a port of its own (the API's address cannot hold a path: clients write
//! `http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/…`). Its timeout is real time, enforced with
//! SIGKILL; its credentials are its environment's own, so that the call log and the faults know
//! which process called.
//!
//! - `options`: what is deployed
//! - `function`: a function and its execution environments
//! - `environment`: one process, from start to end
//! - `runtime_api`: what the process sees of Lambda
//! - `log`: what the processes write
//! - `mapping`: queue messages to invocations, and their answers to deletions
//! - `batch_response`: what an answer says about the messages of its batch

mod batch_response;
mod environment;
mod function;
mod log;
mod mapping;
mod options;
mod runtime_api;
#[cfg(test)]
mod tests;

use bytes::Bytes;

pub(crate) use function::Function;
pub use log::FunctionLog;
pub use mapping::{BatchOutcome, EventSourceMapping};
pub use options::DeployOptions;
pub(crate) use options::Handler;

/// How the access key id of every execution environment of any function begins.
pub const FUNCTION_KEY_PREFIX: &str = "LOCALFUNCTION";

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Invocation {
    /// The function's answer.
    Answer(Bytes),
    /// The function's error, as it wrote it.
    FunctionError(String),
    /// It took longer than the timeout, and was killed.
    TimedOut,
    /// How the process ended before it answered, for instance by `signal: 9 (SIGKILL)`; or why it
    /// did not start.
    Died(String),
}
