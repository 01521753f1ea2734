//! A message as the queue keeps it, as a receiver gets it, and as an observer sees it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use md5::{Digest, Md5};
use serde_json::{Map, Value, json};

/// A message as `ReceiveMessage` hands it out.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The id given at sending; kept through receives and through the move to a dead-letter queue.
    pub message_id: String,
    /// Stands for this one receive: a later receive has another.
    pub receipt_handle: String,
    /// The body, as sent.
    pub body: String,
    /// Hexadecimal MD5 of the body.
    pub md5_of_body: String,
    /// The system attributes, all of them: `ApproximateReceiveCount`, `SentTimestamp` and so on.
    pub attributes: BTreeMap<String, String>,
    /// The sender's own attributes, by name, as SQS writes them (`DataType`, `StringValue`, …).
    pub message_attributes: Map<String, Value>,
}

impl Message {
    /// The record that a Lambda function receives for this message.
    ///
    /// Source: Lambda Developer Guide, "Using Lambda with Amazon SQS", example event.
    pub fn lambda_record(&self, queue_arn: &str, region: &str) -> Value {
        let attributes: Map<String, Value> = self
            .message_attributes
            .iter()
            .map(|(name, value)| {
                let mut record = json!({"stringListValues": [], "binaryListValues": []});
                for (theirs, ours) in [
                    ("DataType", "dataType"),
                    ("StringValue", "stringValue"),
                    ("BinaryValue", "binaryValue"),
                ] {
                    if let Some(value) = value.get(theirs) {
                        record[ours] = value.clone();
                    }
                }
                (name.clone(), record)
            })
            .collect();
        json!({
            "messageId": self.message_id,
            "receiptHandle": self.receipt_handle,
            "body": self.body,
            "attributes": self.attributes,
            "messageAttributes": attributes,
            "md5OfBody": self.md5_of_body,
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": region,
        })
    }
}

/// A message as it lies in its queue, seen without receiving it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The message's id.
    pub message_id: String,
    /// The body, as sent.
    pub body: String,
    /// The message group; always there in a FIFO queue.
    pub group: Option<String>,
    /// How often the message has been received.
    pub receive_count: u32,
    /// Received, and neither deleted nor visible again.
    pub in_flight: bool,
    /// When it will be visible, if it is not now.
    pub invisible_until: Option<SystemTime>,
    /// When it came into this queue, in milliseconds since the Unix epoch.
    pub sent_ms: u64,
    /// The queue it came from, in a dead-letter queue.
    pub source_arn: Option<String>,
}

/// A receive of a message: the latest one's handle is the one that counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receipt {
    pub number: u64,
    pub at: SystemTime,
}

/// A message in its queue.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub id: String,
    pub body: String,
    pub group: Option<String>,
    pub deduplication_id: Option<String>,
    pub sequence: Option<u128>,
    pub attributes: Map<String, Value>,
    pub sent: SystemTime,
    pub first_received: Option<SystemTime>,
    pub receive_count: u32,
    pub hidden_until: Option<SystemTime>,
    pub receipt: Option<Receipt>,
    pub source_arn: Option<String>,
}

impl Stored {
    pub fn hidden(&self, now: SystemTime) -> bool {
        self.hidden_until.is_some_and(|until| until > now)
    }

    /// Hidden because somebody has it, not because it was sent with a delay.
    pub fn in_flight(&self, now: SystemTime) -> bool {
        self.receipt.is_some() && self.hidden(now)
    }

    pub fn snapshot(&self, now: SystemTime) -> Snapshot {
        Snapshot {
            message_id: self.id.clone(),
            body: self.body.clone(),
            group: self.group.clone(),
            receive_count: self.receive_count,
            in_flight: self.in_flight(now),
            invisible_until: self.hidden_until.filter(|until| *until > now),
            sent_ms: epoch_ms(self.sent),
            source_arn: self.source_arn.clone(),
        }
    }

    /// What a receiver gets, with every attribute that applies.
    pub fn handed_out(&self, receipt_handle: String) -> Message {
        let mut attributes = BTreeMap::from([
            ("SenderId".to_owned(), SENDER.to_owned()),
            ("SentTimestamp".to_owned(), epoch_ms(self.sent).to_string()),
            (
                "ApproximateReceiveCount".to_owned(),
                self.receive_count.to_string(),
            ),
        ]);
        let first = self.first_received.map(|at| epoch_ms(at).to_string());
        for (name, value) in [
            ("ApproximateFirstReceiveTimestamp", first),
            ("MessageGroupId", self.group.clone()),
            ("MessageDeduplicationId", self.deduplication_id.clone()),
            (
                "SequenceNumber",
                self.sequence.map(|number| format!("{number:020}")),
            ),
            ("DeadLetterQueueSourceArn", self.source_arn.clone()),
        ] {
            if let Some(value) = value {
                attributes.insert(name.to_owned(), value);
            }
        }
        Message {
            message_id: self.id.clone(),
            receipt_handle,
            body: self.body.clone(),
            md5_of_body: md5_of(self.body.as_bytes()),
            attributes,
            message_attributes: self.attributes.clone(),
        }
    }
}

/// Who sends: nobody in particular, since any credentials are accepted.
const SENDER: &str = "AIDALOCALLOCALLOCALAB";

pub(super) fn epoch_ms(at: SystemTime) -> u64 {
    let passed = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    u64::try_from(passed.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Hexadecimal MD5, as SQS confirms what it stored.
pub(super) fn md5_of(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}
