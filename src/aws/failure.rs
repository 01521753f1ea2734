//! What a failed call means: the SDK's error becomes a [`CallError`].

use std::error::Error;

use aws_runtime::retries::classifiers::{THROTTLING_ERRORS, TRANSIENT_ERRORS};
use aws_sdk_codecommit::operation::RequestId;
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{codecommit, retry};
use crate::error::{CallError, Cause};

/// Codes that mean the same in every service:
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html>, and those that the SDK
/// itself retries.
pub(super) fn common_cause(code: &str) -> Option<Cause> {
    Some(match code {
        _ if THROTTLING_ERRORS.contains(&code) => Cause::Throttled,
        _ if TRANSIENT_ERRORS.contains(&code) => Cause::Unavailable,
        "InternalFailure"
        | "InternalError"
        | "InternalServerError"
        | "ServiceUnavailable"
        | "RequestExpired" => Cause::Unavailable,
        "AccessDenied"
        | "AccessDeniedException"
        | "NotAuthorized"
        | "OptInRequired"
        | "AllAccessDisabled" => Cause::Denied,
        _ => return None,
    })
}

/// An error, its source, the source of that, and so on.
pub(super) fn sources<'error>(
    error: &'error (dyn Error + 'static),
) -> impl Iterator<Item = &'error (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

/// The code of an AssumeRole that failed before the call itself was sent.
fn role_refused<'error>(error: &'error (dyn Error + 'static)) -> Option<&'error str> {
    sources(error)
        .find_map(|error| error.downcast_ref::<SdkError<AssumeRoleError, HttpResponse>>())
        .and_then(SdkError::as_service_error)
        .and_then(AssumeRoleError::code)
}

/// Turns the SDK's error into one that says what it means. `known` holds the adapter's own codes.
pub(super) fn failed<E>(
    call: &'static str,
    about: impl Into<String>,
    error: &SdkError<E, HttpResponse>,
    known: fn(&str) -> Option<Cause>,
) -> CallError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    let code = error.code().or_else(|| role_refused(error));
    let answer = error.raw_response();
    // No readable answer came.
    let has_no_answer = matches!(
        error,
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_)
    );
    let by_status = || match (answer.map(|answer| answer.status().as_u16()), code) {
        (Some(500..), _) | (None, Some(_)) => Cause::Unavailable,
        (_, None) if has_no_answer => Cause::Unavailable,
        // A HEAD request is refused without a body, and so without a code.
        (Some(403), None) => Cause::Denied,
        _ => Cause::Unknown,
    };
    let cause = if answer.is_some_and(retry::is_throttle) {
        Cause::Throttled
    } else if codecommit::is_too_long(error) {
        Cause::TooLarge
    } else {
        let by_code = code.and_then(|code| known(code).or_else(|| common_cause(code)));
        by_code.unwrap_or_else(by_status)
    };
    let message = error.message().map(str::to_owned);
    CallError {
        call,
        about: about.into(),
        cause,
        code: code.map(str::to_owned),
        message: message.unwrap_or_else(|| with_sources(error)),
        request_id: error.request_id().map(str::to_owned),
    }
}

/// The error's message and those of its sources. (The SDK's `DisplayErrorContext` adds its Debug output.)
fn with_sources(error: &(dyn Error + 'static)) -> String {
    let messages: Vec<_> = sources(error).map(ToString::to_string).collect();
    messages.join(": ")
}

/// A failure without a code of the service: a request that cannot be made, or an answer that makes
/// no sense.
pub(super) fn without_code(
    call: &'static str,
    about: impl Into<String>,
    message: &str,
) -> CallError {
    CallError {
        call,
        about: about.into(),
        cause: Cause::Unknown,
        code: None,
        message: message.to_owned(),
        request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_told_in_messages_down_to_its_cause_without_debug_output() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        let error = aws_smithy_runtime_api::client::result::ConnectorError::io(refused.into());
        let error = SdkError::<std::io::Error, HttpResponse>::dispatch_failure(error);
        assert_eq!(
            with_sources(&error),
            "dispatch failure: io error: connection refused"
        );
    }
}
