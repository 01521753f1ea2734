//! One queue's rules: order within a message group, visibility, receive counts.
//!
//! What is visible is worked out at each call from the clock: no timer changes a queue. Sources:
//! the pages of each action in the SQS API reference, and "FIFO delivery logic" in the SQS
//! Developer Guide.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, SystemTime};

use super::QueueOptions;
use super::fault::{expired, invalid};
use super::message::Message;
use crate::error::{ServiceError, refusal};

/// A message can be invisible for this long, counted from its receive (Visibility timeout guide).
const MAXIMUM_VISIBILITY: Duration = Duration::from_hours(12);

pub(super) struct Queue {
    pub arn: String,
    pub options: QueueOptions,
    /// By sequence number: in the order in which they came.
    pub messages: BTreeMap<u128, Message>,
    /// What was sent in the last five minutes, by message group where that counts, and
    /// deduplication id.
    pub answers: HashMap<(Option<String>, String), Message>,
    /// Receives that handed out a message.
    pub batches: usize,
}

impl Queue {
    pub fn new(arn: String, options: QueueOptions) -> Self {
        Self {
            arn,
            options,
            messages: BTreeMap::new(),
            answers: HashMap::new(),
            batches: 0,
        }
    }

    /// Hands out up to `most` messages and hides them. One that was received as often as the
    /// redrive policy allows is taken out for the dead-letter queue instead, and the next of its
    /// group follows at once: these are the second list.
    pub fn receive(&mut self, most: usize, now: SystemTime) -> (Vec<Message>, Vec<Message>) {
        let limit = self.options.dead_letter.as_ref().map(|(_, count)| *count);
        let (mut received, mut dead) = (Vec::new(), Vec::new());
        for sequence in self.deliverable(most, now) {
            if received.len() == most {
                break;
            }
            let Some(message) = self.messages.get_mut(&sequence) else {
                continue;
            };
            if limit.is_some_and(|limit| message.receive_count >= limit) {
                dead.extend(self.messages.remove(&sequence));
                continue;
            }
            message.receive_count += 1;
            let receive = message.receive_count;
            message.receipt_handle = format!("{}/{sequence}/{receive}", self.arn);
            message.first_received.get_or_insert(now);
            message.last_received = Some(now);
            message.invisible_until = Some(now + self.options.visibility_timeout);
            received.push(message.clone());
        }
        self.batches += usize::from(!received.is_empty());
        (received, dead)
    }

    /// The sequence numbers of messages that may be received now, in the order in which to hand
    /// them out: those of as many groups as there may be messages.
    ///
    /// "While messages with a particular MessageGroupId are invisible, no more messages belonging
    /// to the same MessageGroupId are returned" (ReceiveMessage); "Amazon SQS first attempts to
    /// return as many messages with the same message group ID as possible".
    fn deliverable(&self, most: usize, now: SystemTime) -> Vec<u128> {
        let messages = self.messages.values();
        let in_flight = messages.filter(|message| message.in_flight(now));
        let closed: HashSet<&str> = in_flight.map(|message| message.group.as_str()).collect();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut groups: Vec<Vec<u128>> = Vec::new();
        for (sequence, message) in &self.messages {
            let group = message.group.as_str();
            if let Some(place) = places.get(group) {
                groups[*place].push(*sequence);
            } else if groups.len() < most && !closed.contains(group) {
                places.insert(group, groups.len());
                groups.push(vec![*sequence]);
            }
        }
        groups.concat()
    }

    /// When a message can be received, if nothing changes: now, or when the first one that
    /// is invisible will be visible.
    pub fn next_receive(&self, now: SystemTime) -> Option<SystemTime> {
        if !self.deliverable(1, now).is_empty() {
            return Some(now);
        }
        let messages = self.messages.values();
        let hidden = messages.filter_map(|message| message.invisible_until);
        hidden.filter(|until| *until > now).min()
    }

    /// Deletes what the handle stands for.
    ///
    /// A message that is gone is deleted already. The handle of an earlier receive, or one whose
    /// visibility timeout has ended, is refused: "if a consumer whose message processing time is
    /// longer than the visibility timeout tries to delete the processed messages, the action fails
    /// with an error" (ReceiveMessage).
    pub fn delete(&mut self, handle: &str, now: SystemTime) -> Result<(), ServiceError> {
        match self.of_handle(handle)? {
            None => {}
            Some(message) if message.receipt_handle == handle && message.in_flight(now) => {
                let sequence = message.sequence;
                self.messages.remove(&sequence);
            }
            Some(_) => return Err(expired(handle)),
        }
        Ok(())
    }

    /// Hides a message in flight for `timeout` from now; zero makes it visible at once.
    pub fn change_visibility(
        &mut self,
        handle: &str,
        timeout: Duration,
        now: SystemTime,
    ) -> Result<(), ServiceError> {
        let message = self.of_handle(handle)?.ok_or_else(|| {
            let reason =
                "Message does not exist or is not available for visibility timeout change.";
            invalid(handle, "ReceiptHandle", reason)
        })?;
        if message.receipt_handle != handle {
            return Err(expired(handle));
        }
        if !message.in_flight(now) {
            return Err(refusal!(
                "MessageNotInflight",
                "The specified message isn't in flight."
            ));
        }
        let until = now + timeout;
        let received = message.last_received.unwrap_or(now);
        if until > received + MAXIMUM_VISIBILITY {
            let reason =
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
            let seconds = timeout.as_secs().to_string();
            return Err(invalid(&seconds, "VisibilityTimeout", reason));
        }
        message.invisible_until = Some(until);
        Ok(())
    }

    /// The message that a handle of any of its receives stands for; `None` if it is gone.
    fn of_handle(&mut self, handle: &str) -> Result<Option<&mut Message>, ServiceError> {
        let parts = handle.strip_prefix(&format!("{}/", self.arn));
        let sequence = parts.and_then(|parts| parts.split('/').next()?.parse().ok());
        let sequence = sequence.ok_or_else(|| {
            refusal!(
                "ReceiptHandleIsInvalid",
                "The input receipt handle \"{handle}\" is not a valid receipt handle."
            )
        })?;
        Ok(self.messages.get_mut(&sequence))
    }
}
