//! Into a queue: what may be sent, and which messages are duplicates. Source: SendMessage in the
//! SQS API reference.

use std::collections::hash_map::Entry;
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::fault::{invalid, missing};
use super::message::Message;
use super::queue::Queue;
use crate::error::{ServiceError, refusal};

/// The largest body, and all bodies of a batch together, in bytes.
pub(super) const LARGEST: usize = 1 << 20;
/// "During the 5-minute deduplication interval".
const INTERVAL: Duration = Duration::from_mins(5);

/// A message on its way in, and an entry of a batch.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Outgoing {
    #[serde(default)]
    pub id: String,
    pub message_body: String,
    #[serde(default)]
    pub message_group_id: String,
    pub message_deduplication_id: Option<String>,
    /// Set by a fault: SQS fails to take it.
    #[serde(default)]
    pub fails: bool,
}

impl Queue {
    /// Takes a message in. A duplicate gets the answer of the first one and is not stored, even if
    /// the first one is deleted by now.
    pub fn send(
        &mut self,
        message: Outgoing,
        sequence: u128,
        now: SystemTime,
    ) -> Result<Message, ServiceError> {
        check(&message)?;
        let deduplication_id = self.deduplication_id(&message)?;
        // "DeduplicationScope: specifies whether message deduplication occurs at the message group
        // or queue level" (CreateQueue).
        let is_by_group = self.options.is_push_queue;
        let scope = is_by_group.then(|| message.message_group_id.clone());
        self.answers.retain(|_, first| now < first.sent + INTERVAL);
        let place = match self.answers.entry((scope, deduplication_id.clone())) {
            Entry::Occupied(first) => return Ok(first.get().clone()),
            Entry::Vacant(place) => place,
        };
        let message = Message {
            message_id: Uuid::new_v4().to_string(),
            body: message.message_body,
            group: message.message_group_id,
            deduplication_id,
            sequence,
            sent: now,
            first_received: None,
            last_received: None,
            receive_count: 0,
            receipt_handle: String::new(),
            invisible_until: None,
            source_arn: None,
        };
        place.insert(message.clone());
        self.messages.insert(sequence, message.clone());
        Ok(message)
    }

    /// The sender's deduplication id, or the SHA-256 of the body where the queue takes that.
    pub fn deduplication_id(&self, message: &Outgoing) -> Result<String, ServiceError> {
        match &message.message_deduplication_id {
            Some(id) => Ok(id.clone()),
            None if self.options.is_push_queue => Err(refusal!(
                "InvalidParameterValue",
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
            )),
            None => Ok(hex::encode(Sha256::digest(&message.message_body))),
        }
    }
}

fn check(message: &Outgoing) -> Result<(), ServiceError> {
    let body = &message.message_body;
    if message.fails {
        let code = "InternalError".to_owned();
        return Err(ServiceError {
            code,
            ..ServiceError::internal("failed by a fault")
        });
    }
    if body.is_empty() {
        return Err(missing("MessageBody"));
    }
    if body.len() > LARGEST {
        return Err(refusal!(
            "InvalidParameterValue",
            "One or more parameters are invalid. Reason: Message must be shorter than {LARGEST} bytes."
        ));
    }
    if body.chars().any(is_refused) {
        return Err(refusal!(
            "InvalidMessageContents",
            "The message contains characters outside the allowed set."
        ));
    }
    let named = [
        ("MessageGroupId", Some(&message.message_group_id)),
        (
            "MessageDeduplicationId",
            message.message_deduplication_id.as_ref(),
        ),
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
