//! Into a queue: what may be sent, and which messages are duplicates. Source: SendMessage in the
//! SQS API reference.

use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::fault::{invalid, missing};
use super::message::Message;
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

/// What the sender is told.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub message_id: String,
    pub sequence: u128,
    at: SystemTime,
}

impl Queue {
    /// Takes a message in. A duplicate is answered as the first was and not taken again, even after
    /// its deletion.
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
        let is_by_group = self.options.is_push_queue;
        let scope = is_by_group.then(|| message.group.clone());
        let id = (scope, deduplication_id.clone());
        self.answers.retain(|_, first| now < first.at + INTERVAL);
        if let Some(first) = self.answers.get(&id) {
            return Ok(first.clone());
        }
        let accepted = Accepted {
            message_id: Uuid::new_v4().to_string(),
            sequence,
            at: now,
        };
        self.answers.insert(id, accepted.clone());
        self.messages.insert(
            sequence,
            Message {
                message_id: accepted.message_id.clone(),
                body: message.body,
                group: message.group,
                deduplication_id,
                sequence,
                sent: now,
                first_received: None,
                last_received: None,
                receive_count: 0,
                receipt_handle: String::new(),
                invisible_until: None,
                source_arn: None,
            },
        );
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
