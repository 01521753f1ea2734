//! All queues of the account; into a dead-letter queue, and back from it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use uuid::Uuid;

use super::fault::no_such_queue;
use super::message::Message;
use super::name_of;
use super::queue::Queue;
use super::sending::Outgoing;
use crate::error::ServiceError;

/// A sequence number has 20 digits, and real ones start about here.
const FIRST_SEQUENCE: u128 = 18_849_496_460_467_696_128;

#[derive(Default)]
pub(super) struct State {
    pub queues: BTreeMap<String, Queue>,
    /// How many sequence numbers were given.
    sequences: u128,
}

impl State {
    pub fn queue(&mut self, url: &str) -> Result<&mut Queue, ServiceError> {
        self.queues.get_mut(name_of(url)).ok_or_else(no_such_queue)
    }

    /// Sequence numbers grow and are not consecutive.
    fn next_sequence(&mut self) -> u128 {
        self.sequences += 1;
        FIRST_SEQUENCE + 256 * self.sequences
    }

    pub fn send(
        &mut self,
        url: &str,
        message: Outgoing,
        now: SystemTime,
    ) -> Result<Message, ServiceError> {
        let sequence = self.next_sequence();
        self.queue(url)?.send(message, sequence, now)
    }

    /// Receives, and moves what was received too often to the dead-letter queue. Also says when the
    /// next message can be received, if nothing changes.
    ///
    /// A message that moves keeps its body, group and message id. "For FIFO queues, the enqueue timestamp resets when
    /// the message is moved to a dead-letter queue" (Dead-letter queues), and "the original message's
    /// deduplication ID will be replaced with the original message's ID" (redrive). Receive counts go
    /// on: they are counted "across all queues" (ReceiveMessage).
    pub fn receive(
        &mut self,
        url: &str,
        most: usize,
        now: SystemTime,
    ) -> Result<(Vec<Message>, Option<SystemTime>), ServiceError> {
        let queue = self.queue(url)?;
        let (messages, dead) = queue.receive(most, now);
        let next = queue.next_receive(now);
        let origin = queue.arn.clone();
        let target = queue.options.dead_letter.clone();
        let target = target.map(|(arn, _)| arn).unwrap_or_default();
        for message in dead {
            let moved = Message {
                deduplication_id: message.message_id.clone(),
                source_arn: Some(origin.clone()),
                ..message
            };
            self.insert(&target, moved, now)?;
        }
        Ok((messages, next))
    }

    /// Moves the messages of a dead-letter queue that are not in flight back to the queues that they
    /// came from; returns how many.
    ///
    /// "All redriven messages are considered new messages with a new messageID and enqueueTime"
    /// (dead-letter queue redrive): their receive counts start over, too.
    pub fn redrive(&mut self, source: &str, now: SystemTime) -> Result<usize, ServiceError> {
        let leaves = |_: &u128, message: &mut Message| {
            message.source_arn.is_some() && !message.in_flight(now)
        };
        let messages = &mut self.queue(source)?.messages;
        let leaving: Vec<_> = messages.extract_if(.., leaves).collect();
        let moved = leaving.len();
        for (_, message) in leaving {
            let target = message.source_arn.clone().unwrap_or_default();
            let moved = Message {
                message_id: Uuid::new_v4().to_string(),
                first_received: None,
                receive_count: 0,
                source_arn: None,
                ..message
            };
            self.insert(&target, moved, now)?;
        }
        Ok(moved)
    }

    /// Appends a message that is moved to a queue.
    fn insert(&mut self, arn: &str, message: Message, now: SystemTime) -> Result<(), ServiceError> {
        let sequence = self.next_sequence();
        let message = Message {
            sequence,
            sent: now,
            last_received: None,
            receipt_handle: String::new(),
            invisible_until: None,
            ..message
        };
        self.queue(arn)?.messages.insert(sequence, message);
        Ok(())
    }
}
