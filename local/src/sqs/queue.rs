//! One queue's rules: order within a message group, visibility, receive counts.
//!
//! Everything follows from the queue and the moment of the call, so that a visibility timeout ends
//! by the clock alone. Sources: the pages of each action in the SQS API reference,
//! and "FIFO delivery logic" in the SQS Developer Guide.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, SystemTime};

use super::QueueOptions;
use super::fault::{expired, invalid, not_a_receipt_handle};
use super::message::{Message, Receipt, Stored};
use super::sending::Answers;
use crate::error::ServiceError;

/// A message can be invisible for this long, counted from its receive (Visibility timeout guide).
const MAXIMUM_VISIBILITY: Duration = Duration::from_hours(12);

/// How long a message is kept, as in the template.
const RETENTION: Duration = Duration::from_hours(14 * 24);

pub(super) struct Queue {
    name: String,
    pub arn: String,
    pub options: QueueOptions,
    /// By sequence number: in the order in which they came.
    pub messages: BTreeMap<u128, Stored>,
    pub answers: Answers,
    /// Receives that handed out a message.
    pub batches: usize,
}

impl Queue {
    pub fn new(name: &str, arn: String, options: QueueOptions) -> Self {
        Self {
            name: name.to_owned(),
            arn,
            options,
            messages: BTreeMap::new(),
            answers: Answers::default(),
            batches: 0,
        }
    }

    /// Hands out up to `most` messages and hides them. One that was received as often as the
    /// redrive policy allows is taken out for the dead-letter queue instead, and the next of its
    /// group follows at once: these are the second list.
    pub fn receive(
        &mut self,
        most: usize,
        receipts: &mut u64,
        now: SystemTime,
    ) -> (Vec<Message>, Vec<Stored>) {
        self.forget_old(now);
        let limit = self.options.dead_letter.as_ref().map(|(_, count)| *count);
        let until = now + self.options.visibility_timeout;
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
            *receipts += 1;
            let number = *receipts;
            message.receive_count += 1;
            message.first_received.get_or_insert(now);
            message.hidden_until = Some(until);
            message.receipt = Some(Receipt { number, at: now });
            let handle = format!("{}/{sequence}/{number}", self.name);
            received.push(message.handed_out(handle));
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
        if self.deliverable(1, now).is_empty() {
            self.next_visible(now)
        } else {
            Some(now)
        }
    }

    /// When the first message that is invisible now will be visible, if nothing changes.
    pub fn next_visible(&self, now: SystemTime) -> Option<SystemTime> {
        let messages = self.messages.values();
        let hidden = messages.filter_map(|message| message.hidden_until);
        hidden.filter(|until| *until > now).min()
    }

    /// Deletes what the handle stands for.
    ///
    /// A message that is gone is deleted already. The handle of an earlier receive, or one whose
    /// visibility timeout has ended, is refused: "if a consumer whose message processing time is
    /// longer than the visibility timeout tries to delete the processed messages, the action fails
    /// with an error" (ReceiveMessage).
    pub fn delete(&mut self, handle: &str, now: SystemTime) -> Result<(), ServiceError> {
        let (sequence, number) = self.open(handle)?;
        self.forget_old(now);
        let Some(message) = self.messages.get(&sequence) else {
            return Ok(());
        };
        let is_latest = message
            .receipt
            .is_some_and(|receipt| receipt.number == number);
        if !(is_latest && message.in_flight(now)) {
            return Err(expired(handle));
        }
        self.messages.remove(&sequence);
        Ok(())
    }

    /// Hides a message in flight for `timeout` from now; zero makes it visible at once.
    pub fn change_visibility(
        &mut self,
        handle: &str,
        timeout: Duration,
        now: SystemTime,
    ) -> Result<(), ServiceError> {
        let (sequence, number) = self.open(handle)?;
        self.forget_old(now);
        let message = self.messages.get_mut(&sequence).ok_or_else(|| {
            let reason =
                "Message does not exist or is not available for visibility timeout change.";
            invalid(handle, "ReceiptHandle", reason)
        })?;
        let receipt = message.receipt.filter(|receipt| receipt.number == number);
        let receipt = receipt.ok_or_else(|| expired(handle))?;
        if !message.in_flight(now) {
            let message = "The specified message isn't in flight.";
            return Err(ServiceError::new("MessageNotInflight", message));
        }
        if now + timeout > receipt.at + MAXIMUM_VISIBILITY {
            let reason =
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
            let seconds = timeout.as_secs().to_string();
            return Err(invalid(&seconds, "VisibilityTimeout", reason));
        }
        message.hidden_until = Some(now + timeout);
        Ok(())
    }

    /// The sequence number and the receive that a handle of this queue stands for.
    fn open(&self, handle: &str) -> Result<(u128, u64), ServiceError> {
        let parts = handle.strip_prefix(&format!("{}/", self.name));
        let parts = parts.and_then(|parts| parts.split_once('/'));
        let numbers = parts.map(|(sequence, number)| (sequence.parse(), number.parse()));
        match numbers {
            Some((Ok(sequence), Ok(number))) => Ok((sequence, number)),
            _ => Err(not_a_receipt_handle(handle)),
        }
    }

    /// "Amazon SQS automatically deletes messages left in a queue longer than the retention
    /// period configured for the queue" (DeleteMessage).
    fn forget_old(&mut self, now: SystemTime) {
        while let Some(oldest) = self.messages.first_entry()
            && now >= oldest.get().sent + RETENTION
        {
            oldest.remove();
        }
    }
}
