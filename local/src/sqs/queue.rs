//! One queue's rules: order within a message group, visibility, receive counts.
//!
//! Everything is a function of the queue and of the moment it is asked, so that a visibility
//! timeout ends by the clock alone. Sources: the pages of each action in the SQS API reference,
//! and "FIFO delivery logic" in the SQS Developer Guide.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use super::deduplication::Answers;
use super::fault::{self, expired, not_available, not_in_flight};
use super::message::{Message, Receipt, Stored};
use super::name::is_fifo;
use super::options::QueueOptions;
use super::receipt::{Handle, parse};
use crate::error::ServiceError;

/// A message can be invisible for this long, counted from its receive (Visibility timeout guide).
const MAXIMUM_VISIBILITY: Duration = Duration::from_hours(12);

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
    /// What was answered, for as long as duplicates are known.
    pub answers: Answers,
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
            answers: Answers::default(),
        }
    }

    pub fn fifo(&self) -> bool {
        is_fifo(&self.name)
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
