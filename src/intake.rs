//! Every push gets its reference's message group, so that a reference which fails or takes long
//! holds up no other. EventBridge cannot do that: a rule's message group is the same for all events.
//!
//! The order within a reference holds whatever fails. The entries of one SendMessageBatch fail one by
//! one, so no call holds two of a group; after a failure the later ones of its group are returned
//! with it, unless it was its last delivery. A process that is killed between two calls, and a call
//! whose answer is lost, leave pushes that are sent again: with the event's id as deduplication id SQS
//! drops them for five minutes, and after that the handler `publish` finds their builds.

use std::collections::HashSet;

use gix_object::Kind;
use tokio::time::{Instant, timeout_at};

use crate::aws::sqs::NewMessage;
use crate::batch::Received;
use crate::error::{CallError, Cause, Error};
use crate::event::Push;

/// Entries in one SendMessageBatch, and bytes of all their bodies:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>.
const MOST_ENTRIES: usize = 10;
const MOST_BYTES: usize = 1024 * 1024;

/// A push on its way to the push queue.
#[derive(Debug)]
pub struct Forwarding {
    pub received: Received,
    group: String,
}

impl Forwarding {
    pub fn new(received: Received) -> Self {
        let group = group_of(&received.2);
        Self { received, group }
    }

    /// What the push queue gets: the body as it came.
    pub fn new_message(&self) -> NewMessage<'_> {
        NewMessage {
            group: &self.group,
            deduplication_id: &self.received.2.event_id,
            body: &self.received.1.body,
        }
    }
}

/// The message group of a push: its repository's name, for people, and a hash of all that tells one
/// reference from another. At most 100 + 1 + 24 characters, all of which SQS allows:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagegroupid-property.html>.
fn group_of(push: &Push) -> String {
    let reference = push.reference.full_name();
    let parts = [&push.account, &push.region, &push.repository, &reference];
    let identity = parts.map(|part| format!("{} {part}", part.len())).join(" ");
    let hash = gix_object::compute_hash(gix_hash::Kind::Sha1, Kind::Blob, identity.as_bytes());
    match hash {
        Ok(hash) => format!("{}-{}", push.repository, hash.to_hex_with_len(24)),
        // The hash refuses only what was made to collide.
        Err(_) => push.repository.clone(),
    }
}

/// Sends pushes on, and returns what became of each. `send` returns the entries that failed, by
/// their place in the call. `max_receive_count` is asked only after a failure with others behind it.
pub async fn forward(
    pushes: Vec<Forwarding>,
    stop: Instant,
    send: impl AsyncFn(&[NewMessage<'_>]) -> Result<Vec<(usize, CallError)>, CallError>,
    max_receive_count: impl AsyncFn() -> Option<u32>,
) -> Vec<(Forwarding, Result<(), Error>)> {
    let mut outcomes = Vec::with_capacity(pushes.len());
    let mut failed_groups = HashSet::new();
    let mut waiting = pushes;
    while !waiting.is_empty() {
        let (behind, ready) = waiting
            .into_iter()
            .partition::<Vec<_>, _>(|push| failed_groups.contains(&push.group));
        let behind = behind.into_iter();
        outcomes.extend(behind.map(|push| (push, Err(Error::BehindFailure))));
        let (call, later) = next_call(ready);
        waiting = later;
        let entries: Vec<_> = call.iter().map(Forwarding::new_message).collect();
        let results = send_entries(&entries, stop, &send).await;
        for (push, result) in call.into_iter().zip(results) {
            let has_later = || waiting.iter().any(|later| later.group == push.group);
            if result.is_err() && has_later() {
                let most = max_receive_count().await;
                let is_last = most.is_some_and(|most| push.received.1.receive_count >= most);
                // To wait behind a last delivery would only use up those of the later ones.
                if !is_last {
                    failed_groups.insert(push.group.clone());
                }
            }
            outcomes.push((push, result));
        }
    }
    outcomes
}

/// Sends messages in one call. Where SQS refuses the call as it is, each is sent by itself: one that
/// cannot be sent must not take nine others to the dead-letter queue.
async fn send_entries(
    entries: &[NewMessage<'_>],
    stop: Instant,
    send: &impl AsyncFn(&[NewMessage<'_>]) -> Result<Vec<(usize, CallError)>, CallError>,
) -> Vec<Result<(), Error>> {
    let answer = send_until(stop, entries, send).await;
    match &answer {
        Some(Err(error)) if is_refused(error) && entries.len() > 1 => {
            let mut results = Vec::new();
            for entry in entries {
                let answer = send_until(stop, std::slice::from_ref(entry), send).await;
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

/// The pushes of the next call, and those that have to wait for a later one.
fn next_call(ready: Vec<Forwarding>) -> (Vec<Forwarding>, Vec<Forwarding>) {
    let (mut call, mut later) = (Vec::new(), Vec::new());
    let mut groups = HashSet::new();
    let mut bytes = 0;
    for push in ready {
        let size = push.received.1.body.len();
        let is_first_of_group = groups.insert(push.group.clone());
        let fits = call.len() < MOST_ENTRIES && (call.is_empty() || bytes + size <= MOST_BYTES);
        if is_first_of_group && fits {
            bytes += size;
            call.push(push);
        } else {
            later.push(push);
        }
    }
    (call, later)
}

#[cfg(test)]
mod tests;
