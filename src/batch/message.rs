//! One record of a batch, and whether it may have been delivered before.

use aws_lambda_events::event::sqs::SqsMessage;
use time::OffsetDateTime;

use crate::event::Push;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Lambda knows a failed message by this.
    pub id: String,
    /// SQS knows this delivery of it by this.
    pub receipt_handle: String,
    /// Its message group; empty on a queue that is not FIFO.
    pub group: String,
    /// Deliveries so far, this one included. A redrive from the dead-letter queue starts it over.
    pub receive_count: u32,
    /// When it came into the queue; a redrive sets this anew.
    pub sent: Option<OffsetDateTime>,
    pub body: String,
}

/// A record without what a message needs: Lambda could not be told that it failed.
#[derive(Debug, thiserror::Error)]
#[error("record {0} of the batch has no messageId; the whole batch fails")]
pub struct BadRecord(usize);

/// An event comes into the queue within seconds. One that comes later than this may have been there
/// before: redriven, or delivered twice by EventBridge. A repeat that comes earlier is caught by the
/// idempotency token of the build, which is valid for five minutes.
const LATE: time::Duration = time::Duration::minutes(1);

impl Message {
    /// Reads one record. A record without a message id is refused; anything else that is missing has
    /// a safe value.
    pub fn of_record(number: usize, record: SqsMessage) -> Result<Self, BadRecord> {
        let attribute = |name: &str| record.attributes.get(name);
        Ok(Self {
            group: attribute("MessageGroupId").cloned().unwrap_or_default(),
            // Without a count it may be a redelivery: then nothing is built twice.
            receive_count: attribute("ApproximateReceiveCount")
                .and_then(|count| count.parse().ok())
                .unwrap_or(u32::MAX),
            sent: attribute("SentTimestamp").and_then(|sent| moment(sent)),
            id: record
                .message_id
                .filter(|id| !id.is_empty())
                .ok_or(BadRecord(number))?,
            receipt_handle: record.receipt_handle.unwrap_or_default(),
            body: record.body.unwrap_or_default(),
        })
    }

    /// Whether an earlier delivery of this push may have done some of its work.
    pub fn counts_as_redelivered(&self, push: &Push) -> bool {
        self.receive_count > 1 || self.sent.is_none_or(|sent| sent - push.time > LATE)
    }
}

#[cfg(test)]
impl Message {
    /// Any message on its first delivery, for tests to change.
    pub(crate) fn sample(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            receipt_handle: format!("receipt of {id}"),
            group: "shop".to_owned(),
            receive_count: 1,
            sent: None,
            body: String::new(),
        }
    }
}

/// SQS writes moments as milliseconds since the Unix epoch.
fn moment(milliseconds: &str) -> Option<OffsetDateTime> {
    let milliseconds: i128 = milliseconds.parse().ok()?;
    OffsetDateTime::from_unix_timestamp_nanos(milliseconds.checked_mul(1_000_000)?).ok()
}
