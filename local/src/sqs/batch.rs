//! Batches: up to ten entries, in their order, each of which succeeds or fails by itself.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Sqs;
use super::api::{Answer, read};
use super::fault::{invalid, missing, query_error_code};
use super::message::{md5_of, sequence_number};
use super::sending::{LARGEST, Outgoing};
use crate::error::ServiceError;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Batch {
    queue_url: String,
    entries: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Sent {
    id: String,
    message_body: String,
    message_group_id: Option<String>,
    message_deduplication_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Changed {
    id: String,
    receipt_handle: String,
    #[serde(default)]
    visibility_timeout: i64,
}

impl Sqs {
    /// One change for the whole batch: no other sender's message comes in between.
    pub(super) fn send_batch(&self, batch: Batch) -> Answer {
        let url = &batch.queue_url;
        self.change(|state, now| {
            let queue = state.queue(url)?;
            check_ids(&batch.entries)?;
            let mut messages = Vec::with_capacity(batch.entries.len());
            for entry in batch.entries {
                let sent: Sent = read(entry)?;
                let message = Outgoing {
                    body: sent.message_body,
                    group: sent.message_group_id.unwrap_or_default(),
                    deduplication_id: sent.message_deduplication_id,
                };
                // These refuse the whole batch, not the entry: recorded against AWS by localstack's
                // tests/aws/services/sqs/test_sqs.py, `test_send_batch_missing_…_for_fifo_queue`.
                if message.group.is_empty() {
                    return Err(missing("MessageGroupId"));
                }
                queue.deduplication_id(&message)?;
                messages.push((sent.id, message));
            }
            let size: usize = messages.iter().map(|(_, message)| message.body.len()).sum();
            if size > LARGEST {
                let message = format!(
                    "Batch requests cannot be longer than {LARGEST} bytes. You have sent {size} bytes."
                );
                return Err(ServiceError::new("BatchRequestTooLong", message));
            }
            Ok(outcomes(messages, |message| {
                let md5 = md5_of(&message.body);
                let accepted = state.send(url, message, now)?;
                Ok(json!({
                    "MessageId": accepted.message_id,
                    "MD5OfMessageBody": md5,
                    "SequenceNumber": sequence_number(accepted.sequence),
                }))
            }))
        })
    }

    pub(super) fn change_visibility_batch(&self, batch: Batch) -> Answer {
        let url = &batch.queue_url;
        self.0.state.lock().queue(url)?;
        check_ids(&batch.entries)?;
        let entries = batch.entries.into_iter().map(read);
        let entries = entries.map(|entry| entry.map(|entry: Changed| (entry.id.clone(), entry)));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        Ok(outcomes(entries, |entry| {
            let seconds = entry.visibility_timeout;
            let seconds = u64::try_from(seconds).ok().filter(|it| *it <= 43_200);
            let timeout = seconds.map(Duration::from_secs).ok_or_else(|| {
                let value = entry.visibility_timeout.to_string();
                let reason = "Must be between 0 and 43200, if provided.";
                invalid(&value, "VisibilityTimeout", reason)
            })?;
            self.change_visibility(url, &entry.receipt_handle, timeout)?;
            Ok(json!({}))
        }))
    }
}

/// Does one thing for each entry and answers which succeeded and which failed.
fn outcomes<T>(entries: Vec<(String, T)>, mut one: impl FnMut(T) -> Answer) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for (id, entry) in entries {
        match one(entry) {
            Ok(mut answer) => {
                answer["Id"] = json!(id);
                successful.push(answer);
            }
            Err(error) => failed.push(json!({
                "Id": id,
                "SenderFault": error.status < 500,
                "Code": query_error_code(&error.code),
                "Message": error.message,
            })),
        }
    }
    json!({"Successful": successful, "Failed": failed})
}

/// What the entries' number and ids make SQS refuse as a whole.
fn check_ids(entries: &[Value]) -> Result<(), ServiceError> {
    let refuse = |code: &str, message: String| Err(ServiceError::new(code, message));
    if entries.is_empty() {
        let message = "There should be at least one entry in the request.";
        return refuse("EmptyBatchRequest", message.to_owned());
    }
    if entries.len() > 10 {
        let sent = entries.len();
        let message =
            format!("Maximum number of entries per request are 10. You have sent {sent}.");
        return refuse("TooManyEntriesInBatchRequest", message);
    }
    let mut seen = HashSet::new();
    for entry in entries {
        let id = entry["Id"].as_str().ok_or_else(|| missing("Id"))?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(1..=80).contains(&id.len()) || !id.bytes().all(allowed) {
            let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
            return refuse("InvalidBatchEntryId", message.to_owned());
        }
        if !seen.insert(id) {
            return refuse("BatchEntryIdsNotDistinct", format!("Id {id} repeated."));
        }
    }
    Ok(())
}
