//! The JSON API: which action is whose, and the ones that act on messages.

use serde_json::{Map, Value, json};

use super::fault::missing;
use super::input::Input;
use super::message::{Message, md5_of};
use super::sending::Outgoing;
use super::{Sqs, attributes};
use crate::error::ServiceError;

/// The answer to a request, or the exception.
pub(super) type Answer = Result<Value, ServiceError>;

impl Sqs {
    /// Answers one request of the JSON protocol (`X-Amz-Target: AmazonSQS.{operation}`).
    ///
    /// # Errors
    /// What the SQS API reference documents for the action. The wire adds the header
    /// [`super::query_error_header`].
    pub async fn call(&self, operation: &str, input: Value) -> Answer {
        let input = Input(&input);
        match operation {
            "CreateQueue" => self.create(input),
            "GetQueueUrl" => self.get_url(input),
            "GetQueueAttributes" => self.get_attributes(input),
            "SetQueueAttributes" => self.set_attributes(input),
            "ListQueues" => self.list(input),
            "PurgeQueue" => self.purge(input),
            "DeleteQueue" => self.remove_queue(input),
            "SendMessage" => self.send_message(input.text("QueueUrl")?, input),
            "SendMessageBatch" => self.batch(input, Self::send_message),
            "ReceiveMessage" => self.receive_message(input).await,
            "DeleteMessage" => self.delete_message(input.text("QueueUrl")?, input),
            "DeleteMessageBatch" => self.batch(input, Self::delete_message),
            "ChangeMessageVisibility" => {
                // Required of the single action, not of a batch's entries.
                if input.0["VisibilityTimeout"].is_null() {
                    return Err(missing("VisibilityTimeout"));
                }
                self.change_message(input.text("QueueUrl")?, input)
            }
            "ChangeMessageVisibilityBatch" => self.batch(input, Self::change_message),
            "StartMessageMoveTask" => self.start_move_task(input),
            "ListMessageMoveTasks" => self.list_move_tasks(input),
            _ => Err(ServiceError::new(
                "UnknownOperationException",
                format!("The local SQS has no action {operation}."),
            )),
        }
    }

    fn send_message(&self, url: &str, input: Input<'_>) -> Answer {
        let message = Outgoing {
            body: input.text("MessageBody")?.to_owned(),
            group: input.maybe_text("MessageGroupId")?.map(str::to_owned),
            deduplication_id: input
                .maybe_text("MessageDeduplicationId")?
                .map(str::to_owned),
            delay: input.seconds("DelaySeconds", 900)?,
            attributes: input.map("MessageAttributes")?,
        };
        let mut answer = json!({"MD5OfMessageBody": md5_of(message.body.as_bytes())});
        if let Some(digest) = attributes::md5_of_attributes(&message.attributes)? {
            answer["MD5OfMessageAttributes"] = json!(digest);
        }
        let accepted = self.accept(url, message)?;
        answer["MessageId"] = json!(accepted.message_id);
        if let Some(number) = accepted.sequence {
            answer["SequenceNumber"] = json!(format!("{number:020}"));
        }
        Ok(answer)
    }

    async fn receive_message(&self, input: Input<'_>) -> Answer {
        let url = input.text("QueueUrl")?;
        let most = input.number("MaxNumberOfMessages", 1, 10)?.unwrap_or(1);
        let visibility = input.seconds("VisibilityTimeout", 43_200)?;
        let wait = input.seconds("WaitTimeSeconds", 20)?;
        // AttributeNames is the older name of the same thing.
        let mut system = input.texts("AttributeNames")?;
        system.extend(input.texts("MessageSystemAttributeNames")?);
        let own = input.texts("MessageAttributeNames")?;
        let wait = match wait {
            Some(wait) => wait,
            None => self.state().queue(url)?.options.receive_wait,
        };
        let most = usize::try_from(most).unwrap_or(10);
        let messages = self.poll(url, most, visibility, wait).await?;
        if messages.is_empty() {
            return Ok(json!({}));
        }
        let messages: Result<Vec<Value>, _> = messages
            .iter()
            .map(|message| shown(message, &system, &own))
            .collect();
        Ok(json!({"Messages": messages?}))
    }

    fn delete_message(&self, url: &str, input: Input<'_>) -> Answer {
        self.delete(url, input.text("ReceiptHandle")?)?;
        Ok(json!({}))
    }

    fn change_message(&self, url: &str, input: Input<'_>) -> Answer {
        let timeout = input
            .seconds("VisibilityTimeout", 43_200)?
            .unwrap_or_default();
        self.change_visibility(url, input.text("ReceiptHandle")?, timeout)?;
        Ok(json!({}))
    }
}

/// A message as `ReceiveMessage` writes it, with the attributes that were asked for.
fn shown(message: &Message, system: &[&str], own: &[&str]) -> Answer {
    let mut shown = json!({
        "MessageId": message.message_id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": message.md5_of_body,
        "Body": message.body,
    });
    let all = system.contains(&"All");
    let attributes: Map<String, Value> = message
        .attributes
        .iter()
        .filter(|(name, _)| all || system.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect();
    if !attributes.is_empty() {
        shown["Attributes"] = Value::Object(attributes);
    }
    let chosen = attributes::chosen(&message.message_attributes, own);
    if let Some(digest) = attributes::md5_of_attributes(&chosen)? {
        shown["MD5OfMessageAttributes"] = json!(digest);
        shown["MessageAttributes"] = Value::Object(chosen);
    }
    Ok(shown)
}
