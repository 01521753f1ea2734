//! Sends each call at its rate, counts it, and admits its answer.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_sdk_codecommit::config::Builder;
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextRef,
    FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use parking_lot::Mutex;

use super::admission::Answer;
use super::rate::{Attempt, Outcome};
use super::{Repository, cause};
use crate::aws::{failed, retry};
use crate::error::CallError;

/// How often a call is sent that CodeCommit throttles. Where every second call is refused at random,
/// not one in a million is refused that often. The invocation's end ends a call that is always
/// throttled.
const MOST_ATTEMPTS: u32 = 40;

/// How the SDK repeats calls: all but throttled ones, which [`Repository::send`] repeats. A failure
/// costs 2 of the stock and a success earns 1. So three calls in ten may fail for any time, while an
/// outage ends the fetch after 250 retries.
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
    // An attempt's time would include the wait for memory: the body's time is limited instead.
    let timeouts = retry::timeouts()
        .to_builder()
        .disable_operation_attempt_timeout()
        .build();
    config
        .retry_config(attempts)
        .retry_partition(stock.build())
        .timeout_config(timeouts)
        .retry_classifier(retry::Classifier {
            leaves_throttled: true,
        })
}

impl Repository {
    /// Sends one call, and sends it again in its turn while it is throttled. `attempt` makes the
    /// request, with the interceptor on it.
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

/// Counts each attempt of a call, admits its answer, and tells the rate how it ended.
#[derive(Debug)]
pub(super) struct CallInterceptor {
    repository: Repository,
    answer: Answer,
    /// Whether the next attempt has a token: the SDK repeats calls without one.
    has_token: AtomicBool,
    /// The attempt under way.
    attempt: Mutex<Option<Attempt>>,
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
        self.repository.counts.sent.fetch_add(1, Ordering::Relaxed);
        let has_token = self.has_token.swap(false, Ordering::Relaxed);
        *self.attempt.lock() = Some(self.repository.client.rate.sent(has_token));
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
        if let (Some(mut attempt), Some(answer)) = (self.attempt.lock().take(), context.response())
        {
            attempt.outcome = if retry::is_throttle(answer) {
                let throttled = &self.repository.counts.throttled;
                throttled.fetch_add(1, Ordering::Relaxed);
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
