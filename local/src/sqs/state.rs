//! All queues of the account.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::fault::no_such_queue;
use super::message::Message;
use super::name_of;
use super::queue::Queue;
use super::sending::{Accepted, Outgoing};
use crate::error::ServiceError;

/// A sequence number has 20 digits, and real ones start about here.
const FIRST_SEQUENCE: u128 = 18_849_496_460_467_696_128;

pub(super) struct State {
    pub queues: BTreeMap<String, Queue>,
    receipts: u64,
    sequence: u128,
}

/// What one receive found.
pub(super) struct Received {
    pub messages: Vec<Message>,
    /// Whether anything was received or went to the dead-letter queue.
    pub moved: bool,
    /// When the first message that is invisible now will be visible, if nothing changes.
    pub next_visible: Option<SystemTime>,
}

impl State {
    pub fn new() -> Self {
        Self {
            queues: BTreeMap::new(),
            receipts: 0,
            sequence: FIRST_SEQUENCE,
        }
    }

    pub fn queue(&mut self, url: &str) -> Result<&mut Queue, ServiceError> {
        self.queues.get_mut(name_of(url)).ok_or_else(no_such_queue)
    }

    /// Sequence numbers grow and are not consecutive.
    pub fn next_sequence(&mut self) -> u128 {
        self.sequence += 256;
        self.sequence
    }

    pub fn send(
        &mut self,
        url: &str,
        message: Outgoing,
        now: SystemTime,
    ) -> Result<Accepted, ServiceError> {
        let sequence = self.next_sequence();
        self.queue(url)?.send(message, sequence, now)
    }

    pub fn receive(
        &mut self,
        url: &str,
        most: usize,
        now: SystemTime,
    ) -> Result<Received, ServiceError> {
        let mut receipts = self.receipts;
        let queue = self.queue(url)?;
        let (messages, dead) = queue.receive(most, &mut receipts, now);
        let next_visible = queue.next_visible(now);
        let moved = !messages.is_empty() || !dead.is_empty();
        let origin = queue.arn.clone();
        if let Some((target, _)) = queue.options.dead_letter.clone() {
            self.bury(dead, &origin, &target, now)?;
        }
        self.receipts = receipts;
        Ok(Received {
            messages,
            moved,
            next_visible,
        })
    }
}
