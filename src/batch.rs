//! A batch of queue messages: each fails by itself, and each reference keeps its order.
//!
//! Messages are sorted into lanes, one for each reference of each repository. Lanes run side by
//! side; inside a lane strictly in order. A failing lane holds back no other, where AWS's guide
//! would stop the whole batch
//! (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>). That is sound,
//! since nothing is promised about the order of two references.
//!
//! After a failure the lane's later messages are returned untried, so that none overtakes the failed
//! one. They are tried if the failed one will not come back, because it was rejected or this was its
//! last delivery: waiting behind it would only use up their own deliveries.

mod message;
pub mod visibility;

use std::collections::VecDeque;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

pub use message::Message;

use crate::error::{Class, Error};
use crate::event::Push;
use crate::publish::Done;

/// The least time a push needs; with less than this left, none is begun.
const LEAST_TIME: Duration = Duration::from_secs(1);

/// Time that a push has to end by itself after `stop`; then it is aborted.
const GRACE: Duration = Duration::from_millis(500);

/// A push, and the message that asked for it.
#[derive(Debug)]
pub struct Received {
    pub message: Message,
    pub push: Push,
}

/// What became of a message. The queue delivers it again after an error.
pub type Outcome = Result<Done, Error>;

/// A message that failed or was not tried.
#[derive(Debug)]
pub struct Failure {
    pub message: Message,
    pub error: Error,
}

/// What a batch does with its pushes.
pub trait Work: Send + Sync + 'static {
    type Metrics: Default + Send + 'static;

    /// Bundles a push and starts its build, of which an earlier delivery may have done a part.
    fn publish(
        self: Arc<Self>,
        push: Push,
        redelivered: bool,
    ) -> impl Future<Output = (Outcome, Self::Metrics)> + Send + 'static;

    /// Deliveries before the dead-letter queue, if known. Asked only after a failure that has
    /// others behind it.
    fn max_receive_count(&self) -> impl Future<Output = Option<u32>>;

    /// Called once for each message, when its outcome is known. The metrics are the default ones
    /// where the work was not begun, was aborted, or panicked.
    fn report(&self, message: &Message, outcome: &Outcome, metrics: Self::Metrics);
}

/// Sorts pushes into lanes: one for each reference, whose pushes keep their order.
pub fn lanes(pushes: Vec<Received>) -> Vec<VecDeque<Received>> {
    let mut lanes: Vec<VecDeque<Received>> = Vec::new();
    for received in pushes {
        let has_its_reference =
            |lane: &&mut VecDeque<Received>| lane[0].push.is_of_same_reference(&received.push);
        match lanes.iter_mut().find(has_its_reference) {
            Some(lane) => lane.push_back(received),
            None => lanes.push(VecDeque::from([received])),
        }
    }
    lanes
}

/// Works through a batch and returns what failed.
pub async fn handle<W: Work>(
    work: &Arc<W>,
    pushes: Vec<Received>,
    lanes_at_once: usize,
    stop: Instant,
) -> Vec<Failure> {
    let worked = stream::iter(lanes(pushes))
        .map(|lane| work_lane(work, lane, stop))
        .buffer_unordered(lanes_at_once);
    worked.concat().await
}

async fn work_lane<W: Work>(
    work: &Arc<W>,
    mut lane: VecDeque<Received>,
    stop: Instant,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut is_blocked = false;
    while let Some(Received { message, push }) = lane.pop_front() {
        let (outcome, metrics) = if is_blocked {
            (Err(Error::BehindFailure), W::Metrics::default())
        } else {
            work_one(work, &message, push, stop).await
        };
        work.report(&message, &outcome, metrics);
        let Err(error) = outcome else { continue };
        if !is_blocked && !lane.is_empty() {
            is_blocked = holds_back(&error, &message, work.max_receive_count()).await;
        }
        failures.push(Failure { message, error });
    }
    failures
}

/// Whether a failed message holds back those behind it. It does not where it was rejected, or where
/// this was its last delivery.
pub async fn holds_back(
    error: &Error,
    message: &Message,
    max_receive_count: impl Future<Output = Option<u32>>,
) -> bool {
    error.class() != Class::Reject
        && (max_receive_count.await).is_none_or(|most| message.receive_count < most)
}

async fn work_one<W: Work>(
    work: &Arc<W>,
    message: &Message,
    push: Push,
    stop: Instant,
) -> (Outcome, W::Metrics) {
    let without_metrics = |error| (Err(error), W::Metrics::default());
    if Instant::now() + LEAST_TIME > stop {
        return without_metrics(Error::NotBegun);
    }
    let span = tracing::info_span!("push", message_id = message.id, event_id = push.event_id);
    let redelivered = message.counts_as_redelivered(&push);
    let publishing = work.clone().publish(push, redelivered);
    // In a task of its own, so that a panic ends this push alone.
    let mut task = tokio::spawn(publishing.instrument(span));
    match timeout_at(stop + GRACE, &mut task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => without_metrics(Error::Panicked(panic_message(error))),
        Err(_) => {
            task.abort();
            without_metrics(Error::OutOfTime(
                "the push did not stop when the invocation ended",
            ))
        }
    }
}

fn panic_message(error: tokio::task::JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<&str>()
            .map(|message| (*message).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned()),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
