//! Every push gets its reference's message group, so that a reference which fails or takes long
//! holds up no other. EventBridge cannot do that: a rule's message group is the same for all events.
//!
//! Pushes of a reference keep the order in which they came, whatever fails. The entries of one
//! SendMessageBatch fail one by one, so no call holds two pushes of a group. After a failure, later
//! pushes of its group are returned with the failed one, unless this was its last delivery. After a
//! kill between two calls, or a lost answer, pushes are sent again. The event's id is the
//! deduplication id, so SQS drops the repeats for five minutes; later the handler `publish` finds
//! their builds.

use std::collections::VecDeque;

use tokio::time::{Instant, timeout_at};

use crate::aws::sqs::{NewMessage, Sent};
use crate::batch::{self, Message, Outcome, Received};
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
        // Only a text that was made to collide has no hash.
        Err(_) => push.repository.clone(),
    }
}

/// Sends pushes on, and returns what became of each message. `max_receive_count` is asked only after
/// a failure with others behind it.
///
/// Lambda hands out at most ten messages of a FIFO queue, as many as one call takes
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>).
pub async fn forward(
    pushes: Vec<Received>,
    stop: Instant,
    send: impl AsyncFn(&[NewMessage<'_>]) -> Sent,
    max_receive_count: impl AsyncFn() -> Option<u32>,
) -> Vec<(Message, Outcome)> {
    let mut outcomes = Vec::with_capacity(pushes.len());
    let mut lanes = batch::lanes(pushes);
    while !lanes.is_empty() {
        let firsts: Vec<_> = lanes.iter_mut().filter_map(VecDeque::pop_front).collect();
        let results = send_until(stop, &firsts, &send).await;
        for ((lane, first), result) in lanes.iter_mut().zip(firsts).zip(results) {
            if let Err(error) = &result
                && !lane.is_empty()
                && batch::holds_back(error, &first.message, max_receive_count()).await
            {
                let behind = lane.drain(..).map(|push| push.message);
                outcomes.extend(behind.map(|message| (message, Err(Error::BehindFailure))));
            }
            outcomes.push((first.message, result.map(|()| Done::Forwarded)));
        }
        lanes.retain(|lane| !lane.is_empty());
    }
    outcomes
}

/// Sends pushes to different references, unless time is over before SQS has answered.
async fn send_until(
    stop: Instant,
    pushes: &[Received],
    send: &impl AsyncFn(&[NewMessage<'_>]) -> Sent,
) -> Vec<Result<(), Error>> {
    let entries = pushes.iter().map(|Received { message, push }| NewMessage {
        group: group_of(push),
        deduplication_id: &push.event_id,
        body: &message.body,
    });
    let entries: Vec<_> = entries.collect();
    let results = async {
        // `timeout_at` alone would begin the call all the same.
        (Instant::now() < stop).then_some(())?;
        timeout_at(stop, send_entries(&entries, send)).await.ok()
    };
    let Some(results) = results.await else {
        let late = |_| Err(Error::OutOfTime("the push is not forwarded yet"));
        return pushes.iter().map(late).collect();
    };
    let results = results.into_iter();
    results.map(|result| result.map_err(Error::from)).collect()
}

/// Sends messages in one call. Where SQS refuses the call as it is (it may be too large), each
/// is sent by itself: one that cannot be sent must not take nine others to the dead-letter queue.
async fn send_entries(
    entries: &[NewMessage<'_>],
    send: &impl AsyncFn(&[NewMessage<'_>]) -> Sent,
) -> Vec<Result<(), CallError>> {
    match send(entries).await {
        Ok(results) => results,
        Err(error) if is_refused(&error) && entries.len() > 1 => {
            let mut results = Vec::new();
            for entry in entries.chunks(1) {
                results.extend(send(entry).await.unwrap_or_else(|error| vec![Err(error)]));
            }
            results
        }
        Err(error) => vec![Err(error); entries.len()],
    }
}

/// Whether another call with fewer messages may succeed at once.
fn is_refused(error: &CallError) -> bool {
    matches!(
        error.cause,
        Cause::Invalid | Cause::TooLarge | Cause::Unknown
    )
}

#[cfg(test)]
mod tests;
