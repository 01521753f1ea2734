//! The actions that are called over HTTP.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Sqs;
use super::fault::{missing, no_such_queue};
use crate::aws::ACCOUNT;
use crate::error::{ServiceError, refusal};

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

impl Sqs {
    /// Answers one request of the JSON protocol (`X-Amz-Target: AmazonSQS.{operation}`).
    pub fn call(&self, operation: &str, input: Value) -> Answer {
        match operation {
            "GetQueueUrl" => self.get_url(&read(input)?),
            "GetQueueAttributes" => self.get_attributes(&read(input)?),
            "SendMessageBatch" => self.send_batch(read(input)?),
            "ChangeMessageVisibilityBatch" => self.change_visibility_batch(read(input)?),
            _ => Err(ServiceError::unknown_operation(operation)),
        }
    }

    fn get_url(&self, input: &GetQueueUrl) -> Answer {
        let state = self.0.state.lock();
        let owner = input.owner.as_ref();
        let is_ours = owner.is_none_or(|owner| owner == ACCOUNT);
        if !is_ours || !state.queues.contains_key(&input.queue_name) {
            return Err(no_such_queue());
        }
        Ok(json!({"QueueUrl": self.url(&input.queue_name)}))
    }

    fn get_attributes(&self, input: &GetQueueAttributes) -> Answer {
        let mut state = self.0.state.lock();
        let queue = state.queue(&input.queue_url)?;
        let mut shown = BTreeMap::new();
        for name in &input.attribute_names {
            if name != "RedrivePolicy" {
                return Err(refusal!(
                    "InvalidAttributeName",
                    "Unknown Attribute {name}."
                ));
            }
            if let Some((arn, count)) = &queue.options.dead_letter {
                let policy = json!({"deadLetterTargetArn": arn, "maxReceiveCount": count});
                shown.insert(name, policy.to_string());
            }
        }
        Ok(json!({"Attributes": shown}))
    }
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
