//! Every push gets its reference's message group, so that a reference which fails or takes long
//! holds up no other. EventBridge cannot do that: a rule's message group is the same for all events.
//!
//! The order within a reference holds whatever fails. The entries of one SendMessageBatch fail one by
//! one, so no call holds two of a group; after a failure the later ones of its group are returned
//! with it, unless it was its last delivery. A process that is killed between two calls, and a call
//! whose answer is lost, leave pushes that are sent again: with the event's id as deduplication id SQS
//! drops them for five minutes, and after that the handler `publish` finds their builds.

use std::collections::HashSet;

use tokio::time::{Instant, timeout_at};

use crate::aws::sqs::NewMessage;
use crate::batch::{self, Message, Outcome};
use crate::error::{CallError, Cause, Error};
use crate::event::Push;
use crate::git;
use crate::publish::Done;

/// The message group of a push: its repository's name, for people, and a hash of all that tells one
/// reference from another. At most 100 + 1 + 24 characters, all of which SQS allows:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagegroupid-property.html>.
fn group_of(push: &Push) -> String {
    let reference = push.reference.full_name();
    let parts = [&push.account, &push.region, &push.repository, &reference];
    let identity = parts.map(|part| format!("{} {part}", part.len())).join(" ");
    match git::blob_id(identity.as_bytes()) {
        Ok(hash) => format!("{}-{}", push.repository, hash.to_hex_with_len(24)),
        // The hash refuses only what was made to collide.
        Err(_) => push.repository.clone(),
    }
}

/// A push on its way to the push queue.
struct Forwarding {
    message: Message,
    push: Push,
    group: String,
}

/// Sends pushes on, and returns what became of each message. `send` returns the entries that failed,
/// by their place in the call. `max_receive_count` is asked only after a failure with others behind
/// it.
///
/// Lambda hands out at most ten messages of a FIFO queue, as many as one call takes
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>). A call that is too
/// large for SQS is refused as a whole; then each is sent by itself.
pub async fn forward(
    pushes: Vec<(Message, Push)>,
    stop: Instant,
    send: impl AsyncFn(&[NewMessage<'_>]) -> Result<Vec<(usize, CallError)>, CallError>,
    max_receive_count: impl AsyncFn() -> Option<u32>,
) -> Vec<(Message, Outcome)> {
    let mut outcomes = Vec::with_capacity(pushes.len());
    let forwarding = |(message, push)| Forwarding {
        group: group_of(&push),
        message,
        push,
    };
    let mut waiting: Vec<_> = pushes.into_iter().map(forwarding).collect();
    while !waiting.is_empty() {
        let mut groups = HashSet::new();
        let is_first = |push: &Forwarding| groups.insert(push.group.clone());
        let (call, mut later) = waiting.into_iter().partition::<Vec<_>, _>(is_first);
        let results = send_entries(&call, stop, &send).await;
        for (Forwarding { message, group, .. }, result) in call.into_iter().zip(results) {
            let is_behind = |later: &mut Forwarding| later.group == group;
            if let Err(error) = &result
                && later.iter_mut().any(is_behind)
                && batch::holds_back(error, &message, max_receive_count()).await
            {
                let behind = later.extract_if(.., is_behind);
                outcomes.extend(behind.map(|push| (push.message, Err(Error::BehindFailure))));
            }
            outcomes.push((message, result.map(|()| Done::Forwarded)));
        }
        waiting = later;
    }
    outcomes
}

/// Sends messages in one call. Where SQS refuses the call as it is, each is sent by itself: one that
/// cannot be sent must not take nine others to the dead-letter queue.
async fn send_entries(
    pushes: &[Forwarding],
    stop: Instant,
    send: &impl AsyncFn(&[NewMessage<'_>]) -> Result<Vec<(usize, CallError)>, CallError>,
) -> Vec<Result<(), Error>> {
    let entries = pushes.iter().map(|push| NewMessage {
        group: &push.group,
        deduplication_id: &push.push.event_id,
        body: &push.message.body,
    });
    let entries: Vec<_> = entries.collect();
    let answer = send_until(stop, &entries, send).await;
    match &answer {
        Some(Err(error)) if is_refused(error) && entries.len() > 1 => {
            let mut results = Vec::new();
            for entry in entries {
                let answer = send_until(stop, &[entry], send).await;
                results.push(result_of(0, &answer));
            }
            results
        }
        _ => (0..entries.len())
            .map(|place| result_of(place, &answer))
            .collect(),
    }
}

/// The failed entries of a call, or its own failure; `None` where it did not end in time.
type Answer = Option<Result<Vec<(usize, CallError)>, CallError>>;

fn result_of(place: usize, answer: &Answer) -> Result<(), Error> {
    let error = match answer {
        Some(Ok(failed)) => match failed.iter().find(|(number, _)| *number == place) {
            Some((_, error)) => error,
            None => return Ok(()),
        },
        Some(Err(error)) => error,
        None => return Err(Error::OutOfTime("the push is not forwarded yet")),
    };
    Err(error.clone().into())
}

async fn send_until(
    stop: Instant,
    entries: &[NewMessage<'_>],
    send: &impl AsyncFn(&[NewMessage<'_>]) -> Result<Vec<(usize, CallError)>, CallError>,
) -> Answer {
    if Instant::now() >= stop {
        return None;
    }
    timeout_at(stop, send(entries)).await.ok()
}

/// Whether another call with fewer messages may succeed at once.
fn is_refused(error: &CallError) -> bool {
    match error.cause {
        Cause::Invalid | Cause::TooLarge | Cause::Unknown => true,
        Cause::Throttled
        | Cause::LimitReached
        | Cause::Unavailable
        | Cause::NoSuchCommit
        | Cause::DoesNotExist
        | Cause::Denied => false,
    }
}

#[cfg(test)]
mod tests;
