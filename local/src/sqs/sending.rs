//! Into a queue: what may be sent, and how it lies there. Source: SendMessage, SQS API reference.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::deduplication::Accepted;
use super::fault::{self, missing};
use super::message::{Stored, hex};
use super::queue::Queue;
use crate::error::ServiceError;

/// A message on its way in.
#[derive(Clone, Debug, Default)]
pub(super) struct Outgoing {
    pub body: String,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
    pub delay: Option<Duration>,
    pub attributes: Map<String, Value>,
}

impl Queue {
    /// Takes a message in, or answers a duplicate as the first was answered.
    pub fn send(
        &mut self,
        message: Outgoing,
        sequence: u128,
        now: SystemTime,
    ) -> Result<Accepted, ServiceError> {
        let (deduplication_id, delay) = self.check(&message)?;
        if let Some(first) = self.answers.first(deduplication_id.as_deref(), now) {
            return Ok(first);
        }
        let accepted = Accepted {
            message_id: Uuid::new_v4().to_string(),
            sequence: self.fifo().then_some(sequence),
        };
        if let Some(id) = &deduplication_id {
            self.answers.remember(id, &accepted, now);
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
}

/// Outside the characters of XML 1.0, which are the ones that SendMessage allows.
fn is_refused(c: char) -> bool {
    !matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}
