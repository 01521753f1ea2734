//! All queues of the account, and what was moved between them.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use super::fault::{invalid, no_such_queue};
use super::name::{is_fifo, name_of};
use super::options::QueueOptions;
use super::queue::Queue;
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

/// A redrive that was made; here it is done before the call returns.
#[derive(Clone, Debug)]
pub(super) struct MoveTask {
    pub handle: String,
    pub source_arn: String,
    pub destination_arn: Option<String>,
    pub started: SystemTime,
    pub moved: usize,
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
