//! Into the dead-letter queue, and back from it.

use std::time::SystemTime;

use uuid::Uuid;

use super::message::Stored;
use super::name_of;
use super::sending::{Accepted, Outgoing};
use super::state::State;
use crate::error::ServiceError;

impl State {
    /// Moves what was received too often. It keeps its body, group and message id.
    ///
    /// "For FIFO queues, the enqueue timestamp resets when the message is moved to a dead-letter
    /// queue" (Dead-letter queues), and "the original message's deduplication ID will be replaced
    /// with the original message's ID" (redrive). Receive counts go on: they are counted "across
    /// all queues" (ReceiveMessage).
    pub(super) fn bury(
        &mut self,
        dead: Vec<Stored>,
        origin: &str,
        target: &str,
        now: SystemTime,
    ) -> Result<(), ServiceError> {
        for message in dead {
            let sequence = self.next_sequence();
            let stored = Stored {
                deduplication_id: message.id.clone(),
                sequence,
                sent: now,
                hidden_until: None,
                receipt: None,
                source_arn: Some(origin.to_owned()),
                ..message
            };
            self.queue(target)?.messages.insert(sequence, stored);
        }
        Ok(())
    }

    /// Moves the messages of a dead-letter queue back to the queue that each came from. One that
    /// came from none stays.
    ///
    /// "All redriven messages are considered new messages with a new messageID and enqueueTime"
    /// (dead-letter queue redrive): their receive counts start over, too.
    pub(super) fn redrive(&mut self, source: &str, now: SystemTime) -> Result<usize, ServiceError> {
        // StartMessageMoveTask.
        let Some(queue) = self.queues.get(name_of(source)) else {
            let message =
                "The resource that you specified for the SourceArn parameter doesn't exist.";
            return Err(ServiceError::new("ResourceNotFoundException", message));
        };
        let arn = queue.arn.clone();
        let policies = self.queues.values().map(|queue| &queue.options.dead_letter);
        if !policies.flatten().any(|(target, _)| *target == arn) {
            let message = "Source queue must be configured as a Dead Letter Queue.";
            return Err(ServiceError::new("InvalidParameterValue", message));
        }
        let leaves = |_: &u128, message: &mut Stored| {
            message.source_arn.is_some() && !message.in_flight(now)
        };
        let queue = self.queue(source)?;
        let leaving: Vec<_> = queue.messages.extract_if(.., leaves).collect();
        let moved = leaving.len();
        for (_, message) in leaving {
            let accepted = Accepted {
                message_id: Uuid::new_v4().to_string(),
                sequence: self.next_sequence(),
            };
            let outgoing = Outgoing {
                body: message.body,
                group: message.group,
                deduplication_id: None,
            };
            let stored = Stored::new(accepted, outgoing, message.deduplication_id, now);
            let target = message.source_arn.unwrap_or_default();
            let sequence = stored.sequence;
            self.queue(&target)?.messages.insert(sequence, stored);
        }
        Ok(moved)
    }
}
