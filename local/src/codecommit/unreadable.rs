//! The failure of every room that reads a repository.

use crate::error::ServiceError;

/// A repository that cannot be read is the service's failure, not the caller's.
pub(super) fn unreadable(error: impl std::error::Error) -> ServiceError {
    let mut message = format!("the Git repository cannot be read: {error}");
    let mut cause = error.source();
    while let Some(deeper) = cause {
        message = format!("{message}: {deeper}");
        cause = deeper.source();
    }
    ServiceError::internal(message)
}
