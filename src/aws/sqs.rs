//! SQS: forwards pushes, and sets when failed messages come back.

use std::sync::LazyLock;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry, QueueAttributeName,
    SendMessageBatchRequestEntry,
};

use super::remembered::Remembered;
use super::{common_cause, failed, retry, without_code};
use crate::error::{CallError, Cause};

/// The queues. The client is made with its first call, and a queue's settings are read only after a
/// failure.
pub struct Queue {
    client: LazyLock<Client, Box<dyn FnOnce() -> Client + Send>>,
    settings: Remembered<QueueSettings>,
}

/// What the function must know of its queue.
#[derive(Clone, Debug)]
pub struct QueueSettings {
    url: String,
    /// Deliveries after which a message moves to the dead-letter queue; `None` without one.
    pub max_receive_count: Option<u32>,
}

/// A message for a FIFO queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMessage<'a> {
    pub group: String,
    /// SQS drops another message with this id for five minutes.
    pub deduplication_id: &'a str,
    pub body: &'a str,
}

/// What became of each message of a call, in their order. Where the call itself failed, each may
/// have been sent or not.
pub type Sent = Result<Vec<Result<(), CallError>>, CallError>;

/// One message, and the seconds until it is visible again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisibilityChange {
    pub receipt_handle: String,
    pub seconds: u32,
}

impl Queue {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        let config = Builder::from(sdk)
            .timeout_config(retry::sqs_timeouts())
            .retry_classifier(retry::Classifier::default());
        Self {
            client: LazyLock::new(Box::new(|| Client::from_conf(config.build()))),
            settings: Remembered::new(),
        }
    }

    /// The settings of the queue with this ARN, at most a minute old.
    pub async fn settings(&self, arn: &str) -> Result<QueueSettings, CallError> {
        const GET_URL: &str = "SQS GetQueueUrl";
        if let Some(settings) = self.settings.get(arn) {
            return Ok(settings);
        }
        let mut parts = arn.splitn(6, ':').skip(4);
        let (Some(account), Some(name)) = (parts.next(), parts.next()) else {
            return Err(without_code(GET_URL, arn, "this is not the ARN of a queue"));
        };
        let url = self
            .client
            .get_queue_url()
            .queue_name(name)
            .queue_owner_aws_account_id(account)
            .send()
            .await
            .map_err(|error| failed(GET_URL, arn, &error, cause))?
            .queue_url
            .ok_or_else(|| without_code(GET_URL, arn, "the answer names no URL"))?;
        let attributes = self
            .client
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names(QueueAttributeName::RedrivePolicy)
            .send()
            .await
            .map_err(|error| failed("SQS GetQueueAttributes", arn, &error, cause))?;
        let max_receive_count = attributes
            .attributes()
            .and_then(|attributes| attributes.get(&QueueAttributeName::RedrivePolicy))
            .and_then(|policy| max_receive_count(policy));
        let settings = QueueSettings {
            url,
            max_receive_count,
        };
        self.settings
            .put(arn, settings.clone(), Duration::from_mins(1));
        Ok(settings)
    }

    /// Sends at most ten messages in one call.
    pub async fn send(&self, url: &str, messages: &[NewMessage<'_>]) -> Sent {
        const CALL: &str = "SQS SendMessageBatch";
        let entries = messages
            .iter()
            .enumerate()
            .map(|(place, message)| {
                SendMessageBatchRequestEntry::builder()
                    .id(place.to_string())
                    .message_group_id(&message.group)
                    .message_deduplication_id(message.deduplication_id)
                    .message_body(message.body)
                    .build()
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| without_code(CALL, url, &error.to_string()))?;
        let answer = self
            .client
            .send_message_batch()
            .queue_url(url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| failed(CALL, url, &error, cause))?;
        let result_of = |place: usize| {
            let id = place.to_string();
            if answer.successful().iter().any(|entry| entry.id() == id) {
                return Ok(());
            }
            let entry = answer.failed().iter().find(|entry| entry.id() == id);
            Err(entry_error(CALL, url, entry))
        };
        Ok((0..messages.len()).map(result_of).collect())
    }

    /// Sets when the messages of a batch come back, in one call. A FIFO queue's batch has at most ten, which
    /// is as many as one call takes. Without any message no call is made, since SQS would refuse it.
    pub async fn change_visibility(
        &self,
        settings: &QueueSettings,
        changes: &[VisibilityChange],
    ) -> Result<(), CallError> {
        const CALL: &str = "SQS ChangeMessageVisibilityBatch";
        if changes.is_empty() {
            return Ok(());
        }
        let url = &settings.url;
        let entries = changes
            .iter()
            .enumerate()
            .map(|(place, change)| {
                ChangeMessageVisibilityBatchRequestEntry::builder()
                    .id(place.to_string())
                    .receipt_handle(&change.receipt_handle)
                    .visibility_timeout(i32::try_from(change.seconds).unwrap_or(i32::MAX))
                    .build()
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| without_code(CALL, url, &error.to_string()))?;
        let answer = self
            .client
            .change_message_visibility_batch()
            .queue_url(url)
            .set_entries(Some(entries))
            .send()
            .await
            .map_err(|error| failed(CALL, url, &error, cause))?;
        match answer.failed().first() {
            None => Ok(()),
            entry => Err(entry_error(CALL, url, entry)),
        }
    }
}

/// The failure of one entry of a batch; `None` where the answer does not mention it.
fn entry_error(call: &'static str, url: &str, entry: Option<&BatchResultErrorEntry>) -> CallError {
    let Some(entry) = entry else {
        return without_code(call, url, "the answer does not say what became of an entry");
    };
    let code = entry.code();
    let unknown = if entry.sender_fault() {
        Cause::Unknown
    } else {
        Cause::Unavailable
    };
    let cause = cause(code).or_else(|| common_cause(code));
    CallError {
        cause: cause.unwrap_or(unknown),
        code: Some(code.to_owned()),
        ..without_code(call, url, entry.message().unwrap_or_default())
    }
}

/// The count in a redrive policy. AWS answers a number, or a string where a string was set.
fn max_receive_count(policy: &str) -> Option<u32> {
    let policy: serde_json::Value = serde_json::from_str(policy).ok()?;
    let count = policy.get("maxReceiveCount")?.to_string();
    count.trim_matches('"').parse().ok()
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>
fn cause(code: &str) -> Option<Cause> {
    Some(match code {
        "AWS.SimpleQueueService.NonExistentQueue" | "QueueDoesNotExist" => Cause::DoesNotExist,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::max_receive_count;

    #[test]
    fn the_redrive_policy_is_read_with_its_count_as_number_or_text() {
        for (policy, count) in [
            (
                r#"{"deadLetterTargetArn":"d","maxReceiveCount":2}"#,
                Some(2),
            ),
            (r#"{"maxReceiveCount":"5"}"#, Some(5)),
            ("nonsense", None),
        ] {
            assert_eq!(max_receive_count(policy), count, "{policy}");
        }
    }
}
