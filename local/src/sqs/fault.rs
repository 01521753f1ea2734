//! What SQS answers when it refuses, and under which name each SDK looks for it.

use crate::error::{ServiceError, refusal};

/// The old code of an exception, as the SDKs report it.
///
/// SQS once spoke the Query protocol, whose error codes differ from the names of its JSON
/// exceptions. SDKs still report the old code, which they take from the header
/// `x-amzn-query-error`; the Rust SDK knows an exception by nothing else.
///
/// Source: the codes that aws-sdk-sqs matches, generated from the service's model.
pub fn query_error_code(code: &str) -> String {
    let renamed = match code {
        "QueueDoesNotExist" => "NonExistentQueue",
        "BatchEntryIdsNotDistinct"
        | "EmptyBatchRequest"
        | "InvalidBatchEntryId"
        | "MessageNotInflight"
        | "TooManyEntriesInBatchRequest"
        | "BatchRequestTooLong" => code,
        _ => return code.to_owned(),
    };
    format!("AWS.SimpleQueueService.{renamed}")
}

pub(super) fn no_such_queue() -> ServiceError {
    refusal!("QueueDoesNotExist", "The specified queue does not exist.")
}

pub(super) fn missing(parameter: &str) -> ServiceError {
    refusal!(
        "MissingParameter",
        "The request must contain the parameter {parameter}."
    )
}

pub(super) fn invalid(value: &str, parameter: &str, reason: &str) -> ServiceError {
    refusal!(
        "InvalidParameterValue",
        "Value {value} for parameter {parameter} is invalid. Reason: {reason}"
    )
}

pub(super) fn expired(handle: &str) -> ServiceError {
    invalid(handle, "ReceiptHandle", "The receipt handle has expired.")
}
