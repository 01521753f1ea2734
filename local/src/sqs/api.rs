//! The actions that are called over HTTP.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Sqs;
use super::fault::{invalid, missing, no_such_queue};
use super::queue::Queue;
use crate::error::ServiceError;

/// The answer to a request, or the exception.
pub(super) type Answer = Result<Value, ServiceError>;

/// The members of a request. One that this SQS does not know is refused.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetQueueUrl {
    queue_name: String,
    #[serde(rename = "QueueOwnerAWSAccountId")]
    owner: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct GetQueueAttributes {
    queue_url: String,
    #[serde(default)]
    attribute_names: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ReceiveMessage {
    queue_url: String,
    max_number_of_messages: Option<i64>,
    wait_time_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DeleteMessage {
    queue_url: String,
    receipt_handle: String,
}

impl Sqs {
    /// Answers one request of the JSON protocol (`X-Amz-Target: AmazonSQS.{operation}`).
    pub async fn call(&self, operation: &str, input: Value) -> Answer {
        match operation {
            "GetQueueUrl" => self.get_url(&read(input)?),
            "GetQueueAttributes" => self.get_attributes(&read(input)?),
            "SendMessageBatch" => self.send_batch(read(input)?),
            "ReceiveMessage" => self.receive_message(read(input)?).await,
            "DeleteMessage" => {
                let input: DeleteMessage = read(input)?;
                self.delete(&input.queue_url, &input.receipt_handle)?;
                Ok(json!({}))
            }
            "ChangeMessageVisibilityBatch" => self.change_visibility_batch(read(input)?),
            _ => Err(ServiceError::new(
                "UnknownOperationException",
                format!("The local SQS has no action {operation}."),
            )),
        }
    }

    fn get_url(&self, input: &GetQueueUrl) -> Answer {
        let state = self.state();
        let owner = input.owner.as_ref();
        let is_ours = owner.is_none_or(|owner| *owner == self.0.account);
        if !is_ours || !state.queues.contains_key(&input.queue_name) {
            return Err(no_such_queue());
        }
        Ok(json!({"QueueUrl": self.url(&input.queue_name)}))
    }

    fn get_attributes(&self, input: &GetQueueAttributes) -> Answer {
        let mut state = self.state();
        let all = attributes(state.queue(&input.queue_url)?);
        let mut shown = BTreeMap::new();
        for name in &input.attribute_names {
            match all.get(name.as_str()) {
                Some(value) => drop(shown.insert(name.as_str(), value.clone())),
                None if name == "RedrivePolicy" => {}
                None => {
                    let message = format!("Unknown Attribute {name}.");
                    return Err(ServiceError::new("InvalidAttributeName", message));
                }
            }
        }
        Ok(json!({"Attributes": shown}))
    }

    async fn receive_message(&self, input: ReceiveMessage) -> Answer {
        let most = input.max_number_of_messages.unwrap_or(1);
        let most = within("MaxNumberOfMessages", most, 1, 10)?;
        let wait = input.wait_time_seconds.unwrap_or_default();
        let wait = Duration::from_secs(within("WaitTimeSeconds", wait, 0, 20)?);
        let most = usize::try_from(most).unwrap_or(10);
        let messages = self.poll(&input.queue_url, most, wait).await?;
        if messages.is_empty() {
            return Ok(json!({}));
        }
        let messages = messages.iter().map(|message| {
            json!({
                "MessageId": message.message_id,
                "ReceiptHandle": message.receipt_handle,
                "MD5OfBody": message.md5_of_body,
                "Body": message.body,
            })
        });
        Ok(json!({"Messages": messages.collect::<Vec<_>>()}))
    }
}

/// The attributes that somebody asks for, as `GetQueueAttributes` names them.
fn attributes(queue: &Queue) -> BTreeMap<&'static str, String> {
    let options = &queue.options;
    let mut all = BTreeMap::from([
        ("QueueArn", queue.arn.clone()),
        (
            "VisibilityTimeout",
            options.visibility_timeout.as_secs().to_string(),
        ),
    ]);
    if let Some((arn, count)) = &options.dead_letter {
        let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": count});
        all.insert("RedrivePolicy", policy.to_string());
    }
    all
}

/// The members of a request, or of an entry of a batch.
pub(super) fn read<T: DeserializeOwned>(input: Value) -> Result<T, ServiceError> {
    serde_json::from_value(input).map_err(|error| {
        let message = error.to_string();
        match message.split('`').nth(1) {
            Some(name) if message.starts_with("missing field") => missing(name),
            _ => ServiceError::new("SerializationException", message),
        }
    })
}

pub(super) fn visibility(seconds: i64) -> Result<Duration, ServiceError> {
    within("VisibilityTimeout", seconds, 0, 43_200).map(Duration::from_secs)
}

fn within(name: &str, value: i64, least: u64, most: u64) -> Result<u64, ServiceError> {
    let number = u64::try_from(value).ok();
    let number = number.filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| {
        let reason = format!("Must be between {least} and {most}, if provided.");
        invalid(&value.to_string(), name, &reason)
    })
}
