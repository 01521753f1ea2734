//! All queues of the account, and how they are named.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use super::fault::{invalid, no_such_queue};
use super::options::QueueOptions;
use super::queue::Queue;
use super::redrive::MoveTask;
use crate::error::ServiceError;

pub(super) struct State {
    pub base_url: String,
    pub queues: BTreeMap<String, Queue>,
    /// When a queue of this name was deleted.
    pub deleted: HashMap<String, SystemTime>,
    pub tasks: Vec<MoveTask>,
    pub receipts: u64,
    sequence: u128,
}

/// A sequence number has 20 digits, and real ones start about here.
const FIRST_SEQUENCE: u128 = 18_849_496_460_467_696_128;
/// "You must wait 60 seconds after deleting a queue before you can create another queue with the
/// same name" (QueueDeletedRecently).
const NAME_IS_FREE_AFTER: Duration = Duration::from_mins(1);

impl State {
    pub fn new() -> Self {
        Self {
            base_url: "http://127.0.0.1:4566".to_owned(),
            queues: BTreeMap::new(),
            deleted: HashMap::new(),
            tasks: Vec::new(),
            receipts: 0,
            sequence: FIRST_SEQUENCE,
        }
    }

    pub fn queue(&mut self, url: &str) -> Result<&mut Queue, ServiceError> {
        self.queues.get_mut(name_of(url)).ok_or_else(no_such_queue)
    }

    pub fn check_free(&self, name: &str, now: SystemTime) -> Result<(), ServiceError> {
        if self
            .deleted
            .get(name)
            .is_some_and(|at| now < *at + NAME_IS_FREE_AFTER)
        {
            return Err(ServiceError::new(
                "QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
            ));
        }
        Ok(())
    }

    /// Sequence numbers grow and are not consecutive.
    pub fn next_sequence(&mut self) -> u128 {
        self.sequence += 256;
        self.sequence
    }

    pub fn check_dead_letter(
        &self,
        name: &str,
        options: &QueueOptions,
    ) -> Result<(), ServiceError> {
        let Some((arn, _)) = &options.dead_letter else {
            return Ok(());
        };
        let wrong = |reason: &str| Err(invalid(arn, "RedrivePolicy", reason));
        let target = name_of(arn);
        let Some(target) = self.queues.get(target).filter(|queue| queue.arn == *arn) else {
            return wrong("Dead letter target does not exist.");
        };
        if target.fifo() != is_fifo(name) {
            return wrong("Dead-letter queue must be same type of queue as the source.");
        }
        Ok(())
    }
}

/// The queue's name: the last part of its URL or ARN.
pub(super) fn name_of(url: &str) -> &str {
    url.trim_end_matches('/')
        .rsplit(['/', ':'])
        .next()
        .unwrap_or(url)
}

pub(super) fn check_name(name: &str) -> Result<(), ServiceError> {
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if stem.is_empty() || name.len() > 80 || !stem.bytes().all(allowed) {
        let reason =
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        return Err(invalid(name, "QueueName", reason));
    }
    Ok(())
}

/// "The name of a FIFO queue must end with the .fifo suffix" (CreateQueue).
pub(super) fn is_fifo(name: &str) -> bool {
    name.strip_suffix(".fifo").is_some()
}
