//! Lambda, as far as a function on an SQS event source can tell.
//!
//! A [`Function`] runs as its own process per execution environment, driven through the Lambda
//! Runtime API on a port of its own (the API's address has no room for a path: clients write
//! `http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/…`). Its timeout is real time, enforced with
//! SIGKILL; its credentials are its environment's own, so that the call log and the faults know
//! which process called.
//!
//! - [`options`], [`invocation`]: what a function is configured with, and how an invocation ended
//! - [`function`]: a function and its execution environments
//! - [`environment`]: one process, from start to end
//! - [`runtime_api`]: what the process sees of Lambda
//! - [`log`]: what the processes write
//! - [`mapping`]: queue messages to invocations, and their answers to deletions
//! - [`batch_response`]: what an answer says about the messages of its batch

mod batch_response;
mod environment;
mod function;
mod invocation;
mod log;
mod mapping;
mod options;
mod runtime_api;

pub use batch_response::BatchResponse;
pub(crate) use function::Function;
pub use invocation::Invocation;
pub use log::FunctionLog;
pub use mapping::{BatchOutcome, EventSourceMapping};
pub use options::DeployOptions;
pub(crate) use options::{FunctionOptions, Handler};

/// How the access key id of every execution environment of any function begins.
pub const FUNCTION_KEY_PREFIX: &str = "LOCALFUNCTION";
