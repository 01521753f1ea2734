//! How queues are named, and what a name says of its queue.

use super::fault::invalid;
use crate::error::ServiceError;

/// The queue's name: the last part of its URL or ARN.
pub(super) fn name_of(url: &str) -> &str {
    url.trim_end_matches('/')
        .rsplit(['/', ':'])
        .next()
        .unwrap_or(url)
}

/// Refuses a name that no queue can have.
pub(super) fn check_name(name: &str) -> Result<(), ServiceError> {
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if stem.is_empty() || name.len() > 80 || !stem.bytes().all(allowed) {
        let reason =
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        return Err(invalid(name, "QueueName", reason));
    }
    Ok(())
}

/// "The name of a FIFO queue must end with the .fifo suffix" (CreateQueue).
pub(super) fn is_fifo(name: &str) -> bool {
    name.strip_suffix(".fifo").is_some()
}
