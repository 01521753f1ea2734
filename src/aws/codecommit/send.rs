//! How each call is sent: at its rate, counted, its answer admitted.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_sdk_codecommit::config::Builder;
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef, InterceptorContext,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;

use super::admission::Answer;
use super::rate::{Attempt, Outcome};
use super::{Repository, cause};
use crate::aws::{failed, retry};
use crate::error::CallError;

/// How often a call is sent that CodeCommit throttles. With every second call refused at random,
/// none of a million reaches it; a call that is throttled for ever ends with the invocation.
const MOST_ATTEMPTS: u32 = 40;

/// How the SDK repeats calls by itself: all but throttled ones, which go through [`Repository::send`]
/// again. A failure costs 2 of the stock and a success earns 1: three calls in ten may fail for as
/// long as they like, while an outage ends the fetch after 250 retries.
pub(super) fn configure(config: Builder) -> Builder {
    let stock = TokenBucket::builder()
        .capacity(500)
        .retry_cost(2)
        .timeout_retry_cost(2)
        .success_reward(1.0)
        .build();
    let stock = RetryPartition::custom("codecommit").token_bucket(stock);
    let attempts = RetryConfig::standard()
        .with_max_attempts(12)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_secs(5));
    // The body's own time takes the place of the attempt's, which would count the wait for memory.
    let timeouts = retry::timeouts()
        .to_builder()
        .disable_operation_attempt_timeout()
        .build();
    config
        .retry_config(attempts)
        .retry_partition(stock.build())
        .timeout_config(timeouts)
        .retry_classifier(retry::UnreadableClassifier)
        .retry_classifier(ThrottleClassifier)
}

/// Keeps the SDK from repeating a throttled call: it would sleep for a time of its own choosing,
/// without a turn.
#[derive(Debug)]
struct ThrottleClassifier;

impl ClassifyRetry for ThrottleClassifier {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        if context.response().is_some_and(retry::is_throttle) {
            RetryAction::RetryForbidden
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "pushbuild throttled calls"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

impl Repository {
    /// Sends one call through `attempt`, which puts the interceptor on its request; again, in its
    /// turn, while it is throttled.
    pub(super) async fn send<Output, E, Sending>(
        &self,
        call: &'static str,
        about: &str,
        answer: Answer,
        attempt: impl Fn(&aws_sdk_codecommit::Client, CallInterceptor) -> Sending,
    ) -> Result<Output, CallError>
    where
        Sending: Future<Output = Result<Output, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let mut attempts = 0;
        loop {
            attempts += 1;
            self.client.rate.turn().await;
            let interceptor = CallInterceptor {
                repository: self.clone(),
                answer: answer.clone(),
                has_token: AtomicBool::new(true),
                attempt: Mutex::default(),
            };
            let error = match attempt(&self.client.sdk, interceptor).await {
                Ok(output) => {
                    self.client.concurrency.got_through();
                    return Ok(output);
                }
                Err(error) => error,
            };
            let is_throttled = error.raw_response().is_some_and(retry::is_throttle);
            if !is_throttled || attempts == MOST_ATTEMPTS {
                let about = format!("{}:{about}", self.name);
                return Err(failed(call, about, &error, cause));
            }
        }
    }
}

/// What happens around each attempt of a call.
#[derive(Debug)]
pub(super) struct CallInterceptor {
    repository: Repository,
    answer: Answer,
    /// For the first attempt; the SDK makes others without one.
    has_token: AtomicBool,
    /// The attempt under way.
    attempt: Mutex<Option<Attempt>>,
}

impl CallInterceptor {
    fn attempt(&self) -> MutexGuard<'_, Option<Attempt>> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for CallInterceptor {
    fn name(&self) -> &'static str {
        "pushbuild CodeCommit calls"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.repository.counts.add_call();
        let has_token = self.has_token.swap(false, Ordering::Relaxed);
        *self.attempt() = Some(self.repository.client.rate.sent(has_token));
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.answer.admit(context.response_mut().body_mut());
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Some(mut attempt), Some(answer)) = (self.attempt().take(), context.response()) {
            attempt.outcome = if retry::is_throttle(answer) {
                self.repository.counts.add_throttled();
                Outcome::Refused
            } else {
                Outcome::Through
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
