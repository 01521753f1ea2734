//! A message as the queue keeps it, as a receiver gets it, and as an observer sees it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use super::sending::{Accepted, Outgoing};

/// A message as `ReceiveMessage` hands it out.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::struct_field_names, reason = "SQS's own name")]
pub struct Message {
    /// The id given at sending; kept through receives and through the move to a dead-letter queue.
    pub message_id: String,
    /// Stands for this one receive: a later receive has another.
    pub receipt_handle: String,
    pub body: String,
    pub md5_of_body: String,
    /// The system attributes, all of them: `ApproximateReceiveCount`, `SentTimestamp` and so on.
    pub attributes: BTreeMap<&'static str, String>,
}

impl Message {
    /// The record that a Lambda function receives for this message.
    ///
    /// Source: Lambda Developer Guide, "Using Lambda with Amazon SQS", example event.
    pub(crate) fn lambda_record(&self, queue_arn: &str) -> Value {
        json!({
            "messageId": self.message_id,
            "receiptHandle": self.receipt_handle,
            "body": self.body,
            "attributes": self.attributes,
            "messageAttributes": {},
            "md5OfBody": self.md5_of_body,
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": queue_arn.split(':').nth(3),
        })
    }
}

/// A message as it lies in its queue, seen without receiving it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub message_id: String,
    pub body: String,
    pub group: String,
    pub receive_count: u32,
    /// Set while it is in flight.
    pub invisible_until: Option<SystemTime>,
}

/// A receive of a message: the latest one's handle is the one that counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receipt {
    pub number: u64,
    pub at: SystemTime,
}

#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub id: String,
    pub body: String,
    pub group: String,
    pub deduplication_id: String,
    pub sequence: u128,
    pub sent: SystemTime,
    pub first_received: Option<SystemTime>,
    pub receive_count: u32,
    /// Set by a receive: in flight until then.
    pub hidden_until: Option<SystemTime>,
    pub receipt: Option<Receipt>,
    /// The queue it came from, in a dead-letter queue.
    pub source_arn: Option<String>,
}

impl Stored {
    pub fn new(accepted: Accepted, outgoing: Outgoing, id: String, now: SystemTime) -> Self {
        Self {
            id: accepted.message_id,
            body: outgoing.body,
            group: outgoing.group,
            deduplication_id: id,
            sequence: accepted.sequence,
            sent: now,
            first_received: None,
            receive_count: 0,
            hidden_until: None,
            receipt: None,
            source_arn: None,
        }
    }

    pub fn in_flight(&self, now: SystemTime) -> bool {
        self.hidden_until.is_some_and(|until| until > now)
    }

    pub fn snapshot(&self, now: SystemTime) -> Snapshot {
        Snapshot {
            message_id: self.id.clone(),
            body: self.body.clone(),
            group: self.group.clone(),
            receive_count: self.receive_count,
            invisible_until: self.hidden_until.filter(|until| *until > now),
        }
    }

    /// What a receiver gets, with every attribute that applies.
    pub fn handed_out(&self, receipt_handle: String) -> Message {
        let mut attributes = BTreeMap::from([
            ("SenderId", SENDER.to_owned()),
            ("SentTimestamp", epoch_ms(self.sent)),
            ("ApproximateReceiveCount", self.receive_count.to_string()),
            ("MessageGroupId", self.group.clone()),
            ("MessageDeduplicationId", self.deduplication_id.clone()),
            ("SequenceNumber", sequence_number(self.sequence)),
        ]);
        if let Some(at) = self.first_received {
            attributes.insert("ApproximateFirstReceiveTimestamp", epoch_ms(at));
        }
        if let Some(arn) = &self.source_arn {
            attributes.insert("DeadLetterQueueSourceArn", arn.clone());
        }
        Message {
            message_id: self.id.clone(),
            receipt_handle,
            body: self.body.clone(),
            md5_of_body: md5_of(&self.body),
            attributes,
        }
    }
}

/// The same for every sender, since any credentials are accepted.
const SENDER: &str = "AIDALOCALLOCALLOCALAB";

fn epoch_ms(at: SystemTime) -> String {
    let passed = at.duration_since(SystemTime::UNIX_EPOCH);
    passed.unwrap_or(Duration::ZERO).as_millis().to_string()
}

/// A sequence number as SQS writes it.
pub(super) fn sequence_number(sequence: u128) -> String {
    format!("{sequence:020}")
}

/// Hexadecimal MD5, as SQS confirms what it stored.
pub(super) fn md5_of(body: &str) -> String {
    hex::encode(Md5::digest(body))
}
