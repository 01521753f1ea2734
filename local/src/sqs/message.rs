//! A message in its queue.

use std::time::SystemTime;

use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use crate::clock::epoch_ms;

/// The same for every sender, since any credentials are accepted.
const SENDER: &str = "AIDALOCALLOCALLOCALAB";

/// A message, as it lies in its queue and as a receiver gets it.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "SQS's own name")]
pub struct Message {
    /// Given at sending; kept through receives and through the move to a dead-letter queue.
    pub message_id: String,
    pub body: String,
    pub group: String,
    pub deduplication_id: String,
    pub sequence: u128,
    pub sent: SystemTime,
    pub first_received: Option<SystemTime>,
    pub last_received: Option<SystemTime>,
    pub receive_count: u32,
    /// Stands for the last receive alone; empty before the first.
    pub receipt_handle: String,
    /// Set by a receive: in flight until then.
    pub invisible_until: Option<SystemTime>,
    /// The queue it came from, in a dead-letter queue.
    pub source_arn: Option<String>,
}

impl Message {
    pub(super) fn in_flight(&self, now: SystemTime) -> bool {
        self.invisible_until.is_some_and(|until| until > now)
    }

    /// The record that a Lambda function receives for this message.
    ///
    /// Source: Lambda Developer Guide, "Using Lambda with Amazon SQS", example event.
    pub(crate) fn lambda_record(&self, queue_arn: &str) -> Value {
        let first_received = self.first_received.unwrap_or(self.sent);
        json!({
            "messageId": self.message_id,
            "receiptHandle": self.receipt_handle,
            "body": self.body,
            "attributes": {
                "SenderId": SENDER,
                "SentTimestamp": epoch_ms(self.sent).to_string(),
                "ApproximateReceiveCount": self.receive_count.to_string(),
                "ApproximateFirstReceiveTimestamp": epoch_ms(first_received).to_string(),
                "MessageGroupId": self.group,
                "MessageDeduplicationId": self.deduplication_id,
                "SequenceNumber": sequence_number(self.sequence),
            },
            "messageAttributes": {},
            "md5OfBody": md5_of(&self.body),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn,
            "awsRegion": queue_arn.split(':').nth(3),
        })
    }
}

/// A sequence number as SQS writes it.
pub(super) fn sequence_number(sequence: u128) -> String {
    format!("{sequence:020}")
}

/// Hexadecimal MD5, as SQS confirms what it stored.
pub(super) fn md5_of(body: &str) -> String {
    hex::encode(Md5::digest(body))
}
