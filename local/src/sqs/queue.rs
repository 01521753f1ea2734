//! One queue's rules: order within a message group, deduplication, visibility, receive counts.
//!
//! Everything is a function of the queue and of the moment it is asked, so that a visibility
//! timeout ends by the clock alone. Sources: the pages of each action in the SQS API reference,
//! and "FIFO delivery logic" in the SQS Developer Guide.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::fault::{self, expired, missing, not_available, not_in_flight};
use super::message::{Message, Receipt, Stored, hex};
use super::options::QueueOptions;
use super::receipt::{Handle, parse};
use crate::error::ServiceError;

/// "During the 5-minute deduplication interval" (SendMessage).
const DEDUPLICATION_INTERVAL: Duration = Duration::from_secs(300);
/// A message can be invisible for this long, counted from its receive (Visibility timeout guide).
const MAXIMUM_VISIBILITY: Duration = Duration::from_secs(43_200);

/// A message on its way in.
#[derive(Clone, Debug, Default)]
pub(super) struct Outgoing {
    pub body: String,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
    pub delay: Option<Duration>,
    pub attributes: Map<String, Value>,
}

/// What the sender is told; for a duplicate, what was told for the first.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub message_id: String,
    pub sequence: Option<u128>,
    at: SystemTime,
}

/// What one receive took out.
#[derive(Default)]
pub(super) struct Taken {
    pub messages: Vec<Message>,
    /// Received too often: they belong into the dead-letter queue.
    pub dead: Vec<Stored>,
}

pub(super) struct Queue {
    pub name: String,
    pub arn: String,
    pub options: QueueOptions,
    pub created: SystemTime,
    pub modified: SystemTime,
    pub purged: Option<SystemTime>,
    /// In the order in which they came.
    pub messages: Vec<Stored>,
    accepted: HashMap<String, Accepted>,
}

impl Queue {
    pub fn new(name: &str, arn: String, options: QueueOptions, now: SystemTime) -> Self {
        Self {
            name: name.to_owned(),
            arn,
            options,
            created: now,
            modified: now,
            purged: None,
            messages: Vec::new(),
            accepted: HashMap::new(),
        }
    }

    /// "The name of a FIFO queue must end with the .fifo suffix" (CreateQueue).
    pub fn fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }

    /// Takes a message in, or answers a duplicate as the first was answered.
    pub fn send(
        &mut self,
        message: Outgoing,
        sequence: u128,
        now: SystemTime,
    ) -> Result<Accepted, ServiceError> {
        let (deduplication_id, delay) = self.check(&message)?;
        self.accepted
            .retain(|_, first| now < first.at + DEDUPLICATION_INTERVAL);
        if let Some(first) = deduplication_id
            .as_ref()
            .and_then(|id| self.accepted.get(id))
        {
            return Ok(first.clone());
        }
        let accepted = Accepted {
            message_id: Uuid::new_v4().to_string(),
            sequence: self.fifo().then_some(sequence),
            at: now,
        };
        if let Some(id) = &deduplication_id {
            self.accepted.insert(id.clone(), accepted.clone());
        }
        self.messages.push(Stored {
            id: accepted.message_id.clone(),
            body: message.body,
            group: message.group,
            deduplication_id,
            sequence: accepted.sequence,
            attributes: message.attributes,
            sent: now,
            first_received: None,
            receive_count: 0,
            hidden_until: Some(now + delay),
            receipt: None,
            source_arn: None,
        });
        Ok(accepted)
    }

    /// The deduplication id and the delay that apply to a message, if it may be sent.
    fn check(&self, message: &Outgoing) -> Result<(Option<String>, Duration), ServiceError> {
        let most = self.options.maximum_message_size;
        if message.body.is_empty() {
            return Err(missing("MessageBody"));
        }
        if message.body.len() > most {
            return Err(ServiceError::new(
                "InvalidParameterValue",
                format!(
                    "One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
                ),
            ));
        }
        if message.body.chars().any(is_refused) {
            return Err(ServiceError::new(
                "InvalidMessageContents",
                "The message contains characters outside the allowed set.",
            ));
        }
        let named = [
            ("MessageGroupId", &message.group),
            ("MessageDeduplicationId", &message.deduplication_id),
        ];
        for (parameter, value) in named {
            if let Some(value) = value
                && !(1..=128).contains(&value.len())
                    | !value.bytes().all(|byte| byte.is_ascii_graphic())
            {
                let reason = format!(
                    "{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
                );
                return Err(fault::invalid(value, parameter, &reason));
            }
        }
        let other_type = "The request include parameter that is not valid for this queue type.";
        if !self.fifo() {
            if let Some(id) = &message.deduplication_id {
                return Err(fault::invalid(id, "MessageDeduplicationId", other_type));
            }
            return Ok((None, message.delay.unwrap_or(self.options.delay)));
        }
        if message.group.is_none() {
            return Err(missing("MessageGroupId"));
        }
        if let Some(delay) = message.delay.filter(|delay| !delay.is_zero()) {
            // "When you set FifoQueue, you can't set DelaySeconds per message" (SendMessage).
            return Err(fault::invalid(
                &delay.as_secs().to_string(),
                "DelaySeconds",
                other_type,
            ));
        }
        let by_content = || hex(&Sha256::digest(message.body.as_bytes()));
        match &message.deduplication_id {
            Some(id) => Ok((Some(id.clone()), self.options.delay)),
            None if self.options.content_based_deduplication => {
                Ok((Some(by_content()), self.options.delay))
            }
            None => Err(ServiceError::new(
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
            )),
        }
    }

    /// Hands out up to `most` messages and hides them; one that was received `limit` times already
    /// is taken out for the dead-letter queue instead, and the next of its group follows at once.
    pub fn receive(
        &mut self,
        most: usize,
        visibility: Option<Duration>,
        limit: Option<u32>,
        mut next_receipt: impl FnMut() -> u64,
        now: SystemTime,
    ) -> Taken {
        self.forget_old(now);
        let mut taken = Taken::default();
        let mut dead = HashSet::new();
        let until = now + visibility.unwrap_or(self.options.visibility_timeout);
        for at in self.deliverable(now) {
            if taken.messages.len() == most {
                break;
            }
            let message = &mut self.messages[at];
            if limit.is_some_and(|limit| message.receive_count >= limit) {
                dead.insert(message.id.clone());
                continue;
            }
            let number = next_receipt();
            message.receive_count += 1;
            message.first_received.get_or_insert(now);
            message.hidden_until = Some(until);
            message.receipt = Some(Receipt { number, at: now });
            let handle = Handle {
                queue: self.name.clone(),
                message: message.id.clone(),
                number,
            };
            taken.messages.push(message.handed_out(handle.to_string()));
        }
        if !dead.is_empty() {
            taken.dead = self
                .messages
                .extract_if(.., |message| dead.contains(&message.id))
                .collect();
        }
        taken
    }

    /// Where the messages are that may be received now, in the order in which to hand them out.
    ///
    /// FIFO: "While messages with a particular MessageGroupId are invisible, no more messages
    /// belonging to the same MessageGroupId are returned" (ReceiveMessage); "Amazon SQS first
    /// attempts to return as many messages with the same message group ID as possible".
    fn deliverable(&self, now: SystemTime) -> Vec<usize> {
        let visible = |message: &Stored| !message.hidden(now);
        if !self.fifo() {
            return (0..self.messages.len())
                .filter(|at| visible(&self.messages[*at]))
                .collect();
        }
        let mut closed: HashSet<Option<&str>> = self
            .messages
            .iter()
            .filter(|message| message.in_flight(now))
            .map(|message| message.group.as_deref())
            .collect();
        let mut places: HashMap<Option<&str>, usize> = HashMap::new();
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for (at, message) in self.messages.iter().enumerate() {
            let group = message.group.as_deref();
            if closed.contains(&group) {
                continue;
            }
            if !visible(message) {
                // Sent with a delay: what comes after must not overtake it.
                closed.insert(group);
                continue;
            }
            let place = *places.entry(group).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            });
            groups[place].push(at);
        }
        groups.concat()
    }

    /// When a message that is invisible now will be visible, if nobody does anything.
    pub fn next_visible(&self, now: SystemTime) -> Option<SystemTime> {
        self.messages
            .iter()
            .filter_map(|message| message.hidden_until)
            .filter(|until| *until > now)
            .min()
    }

    /// Deletes what the handle stands for.
    ///
    /// A message that is gone is deleted already. In a FIFO queue the handle of an earlier receive,
    /// or one whose visibility timeout has ended, is refused: "if a consumer whose message
    /// processing time is longer than the visibility timeout tries to delete the processed
    /// messages, the action fails with an error" (ReceiveMessage). In a standard queue "the
    /// request will succeed, but the message might not be deleted" (DeleteMessage).
    pub fn delete(&mut self, handle: &str, now: SystemTime) -> Result<(), ServiceError> {
        let wanted = parse(handle, &self.name)?;
        self.forget_old(now);
        let Some(at) = self
            .messages
            .iter()
            .position(|message| message.id == wanted.message)
        else {
            return Ok(());
        };
        let message = &self.messages[at];
        let latest = message
            .receipt
            .is_some_and(|receipt| receipt.number == wanted.number);
        if self.fifo() && !(latest && message.in_flight(now)) {
            return Err(expired(handle));
        }
        if latest {
            self.messages.remove(at);
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
        let wanted = parse(handle, &self.name)?;
        self.forget_old(now);
        let fifo = self.fifo();
        let message = self
            .messages
            .iter_mut()
            .find(|message| message.id == wanted.message)
            .ok_or_else(|| not_available(handle))?;
        let receipt = message
            .receipt
            .filter(|receipt| receipt.number == wanted.number)
            .ok_or_else(|| {
                if fifo {
                    expired(handle)
                } else {
                    not_available(handle)
                }
            })?;
        if !message.in_flight(now) {
            return Err(not_in_flight());
        }
        if now + timeout > receipt.at + MAXIMUM_VISIBILITY {
            let reason =
                "Total VisibilityTimeout for the message is beyond the limit [43200 seconds]";
            return Err(fault::invalid(
                &timeout.as_secs().to_string(),
                "VisibilityTimeout",
                reason,
            ));
        }
        message.hidden_until = Some(now + timeout);
        Ok(())
    }

    /// "Amazon SQS automatically deletes messages left in a queue longer than the retention
    /// period configured for the queue" (DeleteMessage).
    fn forget_old(&mut self, now: SystemTime) {
        let retention = self.options.retention;
        self.messages
            .retain(|message| now < message.sent + retention);
    }
}

/// Outside the characters of XML 1.0, which are the ones that SendMessage allows.
fn is_refused(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
