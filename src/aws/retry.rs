//! How often a call is tried within one invocation: the SDK's own machinery, taught what
//! CodeCommit's throttling looks like.
//!
//! Redelivery by the queue stands behind it, so nothing here tries for ever; and the deadline of
//! the invocation cancels whatever still waits.

use std::time::Duration;

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use super::codecommit::is_too_long;

/// For the services that a push calls a few times.
pub fn standard() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(5)
        .with_initial_backoff(Duration::from_millis(200))
        .with_max_backoff(Duration::from_secs(5))
}

/// One attempt may take 30 seconds: an 8 MB answer at 300 KB/s. The SDK's stalled-stream
/// protection, on by default, ends one that stands still long before.
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(3))
        .read_timeout(Duration::from_secs(15))
        .operation_attempt_timeout(Duration::from_secs(30))
        .build()
}

/// SQS answers within milliseconds, and the handler `intake` has seconds.
pub fn sqs_timeouts() -> TimeoutConfig {
    timeouts()
        .to_builder()
        .operation_attempt_timeout(Duration::from_secs(4))
        .build()
}

/// Whether an answer is CodeCommit's throttle in its XML shape: HTTP 400 or 429 with
/// `<ThrottlingException>` for a body, on an API that speaks JSON. The SDK finds no code in it and
/// does not retry it. Seen in <https://github.com/boto/boto3/issues/3663> and
/// <https://github.com/hashicorp/terraform-provider-aws/issues/7075>.
pub fn is_throttle(answer: &HttpResponse) -> bool {
    const WORDS: [&str; 3] = [
        "<ThrottlingException>",
        "ThrottlingException\"",
        "Rate exceeded",
    ];
    let body = answer.body().bytes().map(String::from_utf8_lossy);
    match answer.status().as_u16() {
        429 => true,
        400 => body.is_some_and(|body| WORDS.iter().any(|words| body.contains(words))),
        _ => false,
    }
}

/// Retries a success whose body nobody can read: a proxy's page, or half an answer. The SDK takes
/// it for final. Every call that has this classifier may be repeated.
#[derive(Debug)]
pub struct UnreadableClassifier;

impl ClassifyRetry for UnreadableClassifier {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let answer = context.response();
        match context.output_or_error() {
            Some(Err(error)) if is_too_long(error) => RetryAction::RetryForbidden,
            Some(Err(error))
                if answer.is_some_and(|answer| answer.status().is_success())
                    && !error.is_operation_error()
                    && !error.is_interceptor_error() =>
            {
                RetryAction::transient_error()
            }
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "pushbuild unreadable answers"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
