//! A batch of queue messages: each answers for itself, each reference keeps its order.
//!
//! Messages are sorted into lanes, one for each reference of each repository. Lanes run side by
//! side; inside a lane strictly in order. SQS orders within a message group, which may hold many
//! references: a failing one then holds back only its own, where AWS's guide would stop the whole
//! batch (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>). That is
//! sound, since nothing is promised about the order of two references.
//!
//! After a failure the lane's later messages are returned untried, so that none overtakes it,
//! unless the failed one will not come back: it was rejected, or this was its last delivery. To
//! wait behind it would only use up the deliveries of those that can still succeed.

mod message;
pub mod visibility;

use std::future::Future;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

pub use message::{BadRecord, Handed, Message};

use crate::error::{Class, Error};
use crate::event::{BadMessage, Push, Request, Skip};

/// Lanes worked on at once. They share the calls' and the processor's limits, so that more would
/// only take memory.
const LANES_AT_ONCE: usize = 4;

/// What a push needs at the very least; with less than this left, none is begun.
const LEAST_TIME: Duration = Duration::from_secs(1);

/// How long a push may take to notice that its time is over before it is cut off.
const GRACE: Duration = Duration::from_millis(500);

/// A message that failed or was not tried, in the order of the batch.
#[derive(Debug)]
pub struct Failure {
    /// The message.
    pub message: Message,
    /// Why it failed.
    pub error: Error,
}

/// What became of a message.
#[derive(Clone, Copy, Debug)]
pub enum Ending<'a> {
    /// The push has its build.
    Done(&'a Push),
    /// It asks for nothing.
    Skipped(&'a Skip),
    /// It failed or was not tried; what it pushes is known unless the message is a bad one.
    Failed(Option<&'a Push>, &'a Error),
}

/// A push and where its message stands in the batch.
struct Waiting {
    number: usize,
    message: Message,
    push: Push,
}

/// Works through a batch and answers what failed, in the batch's order.
///
/// `read` makes a push of a body, `work` a build of a push. `max_receive_count` is asked only
/// after a failure that has others behind it. `report` hears of each message once, when it is known
/// what becomes of it, together with what `work` noted, which is nothing where it was cut off.
pub async fn handle<Work, Working, Notes>(
    messages: Vec<Message>,
    stop: Instant,
    read: impl Fn(&str) -> Result<Request, BadMessage>,
    work: Work,
    max_receive_count: impl AsyncFn() -> Option<u32>,
    report: impl Fn(&Message, Ending<'_>, Notes),
) -> Vec<Failure>
where
    Work: Fn(Push, Handed) -> Working,
    Working: Future<Output = (Result<(), Error>, Notes)> + Send + 'static,
    Notes: Default + Send + 'static,
{
    let mut failures = Vec::new();
    let mut lanes: Vec<Vec<Waiting>> = Vec::new();
    for (number, message) in messages.into_iter().enumerate() {
        match read(&message.body) {
            Ok(Request::Build(push)) => {
                let waiting = Waiting {
                    number,
                    message,
                    push,
                };
                match lanes
                    .iter_mut()
                    .find(|lane| same_lane(&lane[0].push, &waiting.push))
                {
                    Some(lane) => lane.push(waiting),
                    None => lanes.push(vec![waiting]),
                }
            }
            Ok(Request::Skip(skip)) => {
                report(&message, Ending::Skipped(&skip), Notes::default());
            }
            Err(error) => {
                let error = error.into();
                report(&message, Ending::Failed(None, &error), Notes::default());
                failures.push((number, Failure { message, error }));
            }
        }
    }

    let worked = stream::iter(lanes)
        .map(|lane| work_lane(lane, stop, &work, &max_receive_count, &report))
        .buffer_unordered(LANES_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    failures.extend(worked.into_iter().flatten());
    failures.sort_by_key(|(number, _)| *number);
    failures.into_iter().map(|(_, failure)| failure).collect()
}

fn same_lane(one: &Push, other: &Push) -> bool {
    one.reference == other.reference
        && one.repository == other.repository
        && one.account == other.account
        && one.region == other.region
}

async fn work_lane<Work, Working, Notes>(
    lane: Vec<Waiting>,
    stop: Instant,
    work: &Work,
    max_receive_count: &impl AsyncFn() -> Option<u32>,
    report: &impl Fn(&Message, Ending<'_>, Notes),
) -> Vec<(usize, Failure)>
where
    Work: Fn(Push, Handed) -> Working,
    Working: Future<Output = (Result<(), Error>, Notes)> + Send + 'static,
    Notes: Default + Send + 'static,
{
    let mut failures = Vec::new();
    let mut held_up = false;
    let mut waiting = lane.into_iter().peekable();
    while let Some(Waiting {
        number,
        message,
        push,
    }) = waiting.next()
    {
        let (outcome, notes) = if held_up {
            (Err(Error::BehindFailure), Notes::default())
        } else {
            work_one(&message, &push, stop, work).await
        };
        let error = match outcome {
            Ok(()) => {
                report(&message, Ending::Done(&push), notes);
                continue;
            }
            Err(error) => error,
        };
        report(&message, Ending::Failed(Some(&push), &error), notes);
        if !held_up && waiting.peek().is_some() {
            held_up = error.class() == Class::Retry
                && max_receive_count()
                    .await
                    .is_none_or(|most| message.receive_count < most);
        }
        failures.push((number, Failure { message, error }));
    }
    failures
}

async fn work_one<Work, Working, Notes>(
    message: &Message,
    push: &Push,
    stop: Instant,
    work: &Work,
) -> (Result<(), Error>, Notes)
where
    Work: Fn(Push, Handed) -> Working,
    Working: Future<Output = (Result<(), Error>, Notes)> + Send + 'static,
    Notes: Default + Send + 'static,
{
    let unnoted = |error| (Err(error), Notes::default());
    if Instant::now() + LEAST_TIME > stop {
        return unnoted(Error::NotBegun);
    }
    let span = tracing::info_span!("push", message_id = message.id, event_id = push.event_id);
    let handed = Handed {
        receive_count: message.receive_count,
        sent: message.sent,
        stop,
    };
    // A task of its own: what panics there ends there.
    let mut task = tokio::spawn(work(push.clone(), handed).instrument(span));
    match timeout_at(stop + GRACE, &mut task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => unnoted(Error::Panicked(panic_message(error))),
        Err(_) => {
            task.abort();
            unnoted(Error::OutOfTime(
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
            .unwrap_or_else(|| "a panic without words".to_owned()),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
