//! Batches: up to ten entries, each of which succeeds or fails by itself.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Sqs;
use super::fault::{missing, query_error_code};
use super::input::Input;
use super::operations::Answer;
use crate::error::ServiceError;

impl Sqs {
    /// Does one action for each entry and answers `Successful` and `Failed`.
    pub(super) fn batch(
        &self,
        input: Input<'_>,
        one: impl Fn(&Self, &str, Input<'_>) -> Answer,
    ) -> Answer {
        let url = input.text("QueueUrl")?;
        self.state().queue(url)?;
        let entries = input.list("Entries")?;
        check(entries)?;
        let (mut successful, mut failed) = (Vec::new(), Vec::new());
        for entry in entries {
            let id = &entry["Id"];
            match one(self, url, Input(entry)) {
                Ok(mut answer) => {
                    answer["Id"] = id.clone();
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
        Ok(json!({"Successful": successful, "Failed": failed}))
    }
}

/// What makes SQS refuse a batch as a whole.
fn check(entries: &[Value]) -> Result<(), ServiceError> {
    let refuse = |code: &str, message: String| Err(ServiceError::new(code, message));
    if entries.is_empty() {
        return refuse(
            "EmptyBatchRequest",
            "There should be at least one entry in the request.".to_owned(),
        );
    }
    if entries.len() > 10 {
        return refuse(
            "TooManyEntriesInBatchRequest",
            format!(
                "Maximum number of entries per request are 10. You have sent {}.",
                entries.len()
            ),
        );
    }
    let mut seen = HashSet::new();
    let mut size = 0;
    for entry in entries {
        let id = Input(entry)
            .maybe_text("Id")?
            .ok_or_else(|| missing("Id"))?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(1..=80).contains(&id.len()) || !id.bytes().all(allowed) {
            return refuse(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.".to_owned(),
            );
        }
        if !seen.insert(id) {
            return refuse("BatchEntryIdsNotDistinct", format!("Id {id} repeated."));
        }
        size += Input(entry).maybe_text("MessageBody")?.map_or(0, str::len);
    }
    if size > 1_048_576 {
        return refuse(
            "BatchRequestTooLong",
            format!(
                "Batch requests cannot be longer than 1048576 bytes. You have sent {size} bytes."
            ),
        );
    }
    Ok(())
}
