//! The error answer of a service.

use std::fmt;

/// An exception with status 400: its name, and its message as of `format!`.
macro_rules! refusal {
    ($code:expr, $($message:tt)+) => {
        $crate::error::ServiceError::new($code, format!($($message)+))
    };
}
pub(crate) use refusal;

/// An exception of a service, by the name that its API reference documents.
#[derive(Clone, Debug)]
pub struct ServiceError {
    /// HTTP status, as documented for the exception: 400 for nearly all.
    pub status: u16,
    /// The exception's name, for instance `FolderDoesNotExistException`.
    pub code: String,
    /// The sentence a person reads.
    pub message: String,
}

impl ServiceError {
    /// An exception with status 400.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code: code.into(),
            message: message.into(),
        }
    }

    /// The answer to an operation that the local AWS does not have.
    pub fn unknown_operation(operation: &str) -> Self {
        refusal!(
            "UnknownOperationException",
            "the local AWS does not have the operation {operation}"
        )
    }

    /// The answer to what AWS serves and the local service does not.
    pub fn not_served(what: impl fmt::Display) -> Self {
        refusal!(
            "NotServedLocally",
            "the local AWS does not serve this: {what}"
        )
    }

    /// The answer of a service that fails itself.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self {
            status: 500,
            ..refusal!("InternalFailure", "{message}")
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ServiceError {}
