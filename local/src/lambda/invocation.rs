//! One invocation, as its caller learns of it.

use bytes::Bytes;
use serde_json::Value;

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Invocation {
    /// The function's answer.
    Answer(Bytes),
    /// The function's error: `errorType`, `errorMessage`.
    FunctionError(Value),
    /// The process did not get as far as asking for an invocation.
    InitError {
        /// What it told Lambda, if anything.
        error: Option<Value>,
        /// How it ended, if by itself.
        status: Option<String>,
        /// The last lines it wrote to standard error.
        stderr: Vec<String>,
    },
    /// It took longer than the timeout, and was killed.
    TimedOut,
    /// The process ended in the middle of the invocation.
    Died {
        /// For instance `signal: 9 (SIGKILL)`.
        status: String,
        /// The last lines it wrote to standard error.
        stderr: Vec<String>,
    },
}
