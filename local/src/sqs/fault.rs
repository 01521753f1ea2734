//! What SQS answers when it refuses, and under which name each SDK looks for it.
//!
//! SQS once spoke the Query protocol, whose error codes differ from the names of its JSON
//! exceptions. SDKs still report the old code, which they take from the header
//! `x-amzn-query-error`; the Rust SDK knows an exception by nothing else.

use crate::error::ServiceError;

/// The old code of an exception, as the SDKs report it.
///
/// Source: the codes that aws-sdk-sqs matches, generated from the service's model.
pub fn query_error_code(code: &str) -> String {
    let renamed = match code {
        "QueueDoesNotExist" => "NonExistentQueue",
        "QueueNameExists" => return "QueueAlreadyExists".to_owned(),
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

/// The value of the header `x-amzn-query-error` of an exception.
pub fn query_error_header(error: &ServiceError) -> String {
    let whose = if error.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    format!("{};{whose}", query_error_code(&error.code))
}

pub(super) fn no_such_queue() -> ServiceError {
    ServiceError::new("QueueDoesNotExist", "The specified queue does not exist.")
}

pub(super) fn missing(parameter: &str) -> ServiceError {
    ServiceError::new(
        "MissingParameter",
        format!("The request must contain the parameter {parameter}."),
    )
}

pub(super) fn invalid(value: &str, parameter: &str, reason: &str) -> ServiceError {
    ServiceError::new(
        "InvalidParameterValue",
        format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}"),
    )
}

pub(super) fn not_a_receipt_handle(handle: &str) -> ServiceError {
    ServiceError::new(
        "ReceiptHandleIsInvalid",
        format!("The input receipt handle \"{handle}\" is not a valid receipt handle."),
    )
}

pub(super) fn expired(handle: &str) -> ServiceError {
    invalid(handle, "ReceiptHandle", "The receipt handle has expired.")
}
