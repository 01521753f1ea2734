//! Into a queue: what may be sent, and which messages are duplicates. Source: SendMessage in the
//! SQS API reference.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::fault::{invalid, missing};
use super::message::Stored;
use super::queue::Queue;
use crate::error::ServiceError;

/// The largest body, and all bodies of a batch together, in bytes.
pub(super) const LARGEST: usize = 1 << 20;
/// "During the 5-minute deduplication interval".
const INTERVAL: Duration = Duration::from_mins(5);

/// A message on its way in.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    pub body: String,
    pub group: String,
    pub deduplication_id: Option<String>,
}

/// What the sender is told; for a duplicate, what was told for the first.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub message_id: String,
    pub sequence: u128,
}

/// What was answered in the last five minutes, by deduplication id and scope: a duplicate is
/// answered as the first was and not taken again, even after its deletion.
#[derive(Default)]
pub(super) struct Answers {
    by_id: HashMap<(String, String), Accepted>,
    oldest_first: VecDeque<(SystemTime, (String, String))>,
}

impl Answers {
    fn first(&mut self, id: &(String, String), now: SystemTime) -> Option<Accepted> {
        while let Some((_, old)) = self
            .oldest_first
            .pop_front_if(|(at, _)| now >= *at + INTERVAL)
        {
            self.by_id.remove(&old);
        }
        self.by_id.get(id).cloned()
    }

    fn remember(&mut self, id: (String, String), accepted: Accepted, now: SystemTime) {
        self.oldest_first.push_back((now, id.clone()));
        self.by_id.insert(id, accepted);
    }
}

impl Queue {
    /// Takes a message in, or answers a duplicate as the first was answered.
    pub fn send(
        &mut self,
        message: Outgoing,
        sequence: u128,
        now: SystemTime,
    ) -> Result<Accepted, ServiceError> {
        check(&message)?;
        let deduplication_id = self.deduplication_id(&message)?;
        // "DeduplicationScope: specifies whether message deduplication occurs at the message group
        // or queue level" (CreateQueue).
        let scope = if self.options.is_push_queue {
            message.group.clone()
        } else {
            String::new()
        };
        let id = (scope, deduplication_id.clone());
        if let Some(first) = self.answers.first(&id, now) {
            return Ok(first);
        }
        let accepted = Accepted {
            message_id: Uuid::new_v4().to_string(),
            sequence,
        };
        self.answers.remember(id, accepted.clone(), now);
        let stored = Stored::new(accepted.clone(), message, deduplication_id, now);
        self.messages.insert(sequence, stored);
        Ok(accepted)
    }

    /// The sender's deduplication id, or the SHA-256 of the body where the queue takes that.
    pub fn deduplication_id(&self, message: &Outgoing) -> Result<String, ServiceError> {
        match &message.deduplication_id {
            Some(id) => Ok(id.clone()),
            None if !self.options.is_push_queue => Ok(hex::encode(Sha256::digest(&message.body))),
            None => Err(ServiceError::new(
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly",
            )),
        }
    }
}

fn check(message: &Outgoing) -> Result<(), ServiceError> {
    if message.body.is_empty() {
        return Err(missing("MessageBody"));
    }
    if message.body.len() > LARGEST {
        let reason = format!("Message must be shorter than {LARGEST} bytes.");
        let message = format!("One or more parameters are invalid. Reason: {reason}");
        return Err(ServiceError::new("InvalidParameterValue", message));
    }
    if message.body.chars().any(is_refused) {
        return Err(ServiceError::new(
            "InvalidMessageContents",
            "The message contains characters outside the allowed set.",
        ));
    }
    let named = [
        ("MessageGroupId", Some(&message.group)),
        ("MessageDeduplicationId", message.deduplication_id.as_ref()),
    ];
    for (parameter, value) in named {
        let allowed = |value: &String| {
            (1..=128).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if let Some(value) = value.filter(|value| !allowed(value)) {
            let reason = format!(
                "{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length."
            );
            return Err(invalid(value, parameter, &reason));
        }
    }
    Ok(())
}

/// Outside the characters of XML 1.0, which are the ones that SendMessage allows.
fn is_refused(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
