//! The error answer of a service.

use std::fmt;

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
        let message = format!("the local AWS does not have the operation {operation}");
        Self::new("UnknownOperationException", message)
    }

    /// The answer to what AWS serves and the local service does not.
    pub fn not_served(what: impl fmt::Display) -> Self {
        let message = format!("the local AWS does not serve this: {what}");
        Self::new("NotServedLocally", message)
    }

    /// The answer of a service that fails itself.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self {
            status: 500,
            code: "InternalFailure".to_owned(),
            message: message.to_string(),
        }
    }
}

impl fmt::Display for ServiceError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ServiceError {}

/// Text as the content of an XML element.
pub(crate) fn xml_escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
