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
use crate::error::{ServiceError, refusal};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct Batch {
    queue_url: String,
    entries: Vec<Value>,
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
    /// The whole batch is one change, so that no other sender's message comes in between.
    pub(super) fn send_batch(&self, batch: Batch) -> Answer {
        let url = &batch.queue_url;
        self.change(|state, now| {
            let queue = state.queue(url)?;
            check_ids(&batch.entries)?;
            let mut messages = Vec::with_capacity(batch.entries.len());
            for entry in batch.entries {
                let message: Outgoing = read(entry)?;
                // These refuse the whole batch, not the entry: recorded against AWS by localstack's
                // tests/aws/services/sqs/test_sqs.py, `test_send_batch_missing_…_for_fifo_queue`.
                if message.message_group_id.is_empty() {
                    return Err(missing("MessageGroupId"));
                }
                queue.deduplication_id(&message)?;
                messages.push((message.id.clone(), message));
            }
            let sizes = messages.iter().map(|(_, message)| message.message_body.len());
            let size: usize = sizes.sum();
            if size > LARGEST {
                return Err(refusal!(
                    "BatchRequestTooLong",
                    "Batch requests cannot be longer than {LARGEST} bytes. You have sent {size} bytes."
                ));
            }
            Ok(outcomes(messages, |message| {
                let md5 = md5_of(&message.message_body);
                let sent = state.send(url, message, now)?;
                Ok(json!({
                    "MessageId": sent.message_id,
                    "MD5OfMessageBody": md5,
                    "SequenceNumber": sequence_number(sent.sequence),
                }))
            }))
        })
    }

    pub(super) fn change_visibility_batch(&self, batch: Batch) -> Answer {
        self.change(|state, now| {
            let queue = state.queue(&batch.queue_url)?;
            check_ids(&batch.entries)?;
            let mut changes = Vec::with_capacity(batch.entries.len());
            for entry in batch.entries {
                let change: Changed = read(entry)?;
                changes.push((change.id.clone(), change));
            }
            Ok(outcomes(changes, |change| {
                let seconds = change.visibility_timeout;
                let timeout = u64::try_from(seconds).ok().filter(|it| *it <= 43_200);
                let timeout = timeout.map(Duration::from_secs).ok_or_else(|| {
                    let reason = "Must be between 0 and 43200, if provided.";
                    invalid(&seconds.to_string(), "VisibilityTimeout", reason)
                })?;
                queue.change_visibility(&change.receipt_handle, timeout, now)?;
                Ok(json!({}))
            }))
        })
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

/// Refuses a whole batch for the number or the ids of its entries.
fn check_ids(entries: &[Value]) -> Result<(), ServiceError> {
    if entries.is_empty() {
        return Err(refusal!(
            "EmptyBatchRequest",
            "There should be at least one entry in the request."
        ));
    }
    if entries.len() > 10 {
        return Err(refusal!(
            "TooManyEntriesInBatchRequest",
            "Maximum number of entries per request are 10. You have sent {}.",
            entries.len()
        ));
    }
    let mut seen = HashSet::new();
    for entry in entries {
        let id = entry["Id"].as_str().ok_or_else(|| missing("Id"))?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(1..=80).contains(&id.len()) || !id.bytes().all(allowed) {
            return Err(refusal!(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
            ));
        }
        if !seen.insert(id) {
            return Err(refusal!("BatchEntryIdsNotDistinct", "Id {id} repeated."));
        }
    }
    Ok(())
}
