//! How often the SDK sends a call within one invocation, and which answers it sends it again for.
//!
//! No call is repeated for ever, since the queue delivers a failed message again. The invocation's
//! deadline cancels the calls that still wait.

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

/// Repeats a call whose answer is a success that cannot be read: a proxy's page, or half an answer.
/// The SDK takes it for final. All calls of a client with this classifier must be safe to repeat.
#[derive(Debug, Default)]
pub struct Classifier {
    /// Whether throttled calls are left to the caller. The SDK would wait for a time of its own and
    /// send without regard to the rate.
    pub leaves_throttled: bool,
}

impl ClassifyRetry for Classifier {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let (Some(answer), Some(Err(error))) = (context.response(), context.output_or_error())
        else {
            return RetryAction::NoActionIndicated;
        };
        let is_final = is_too_long(error) || self.leaves_throttled && is_throttle(answer);
        let is_read = error.is_operation_error() || error.is_interceptor_error();
        if is_final {
            RetryAction::RetryForbidden
        } else if answer.status().is_success() && !is_read {
            RetryAction::transient_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "pushbuild"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
