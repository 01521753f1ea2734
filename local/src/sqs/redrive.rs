//! Into the dead-letter queue, and back from it.

use std::time::SystemTime;

use uuid::Uuid;

use super::Sqs;
use super::message::Stored;
use super::name::name_of;
use super::state::{MoveTask, State};
use crate::error::ServiceError;

impl Sqs {
    /// Moves every message of a dead-letter queue that is not in flight back to the queue it came
    /// from, oldest first, and returns how many were moved.
    ///
    /// "All redriven messages are considered new messages with a new messageID and enqueueTime"
    /// (SQS Developer Guide, dead-letter queue redrive): their receive counts start over, too.
    ///
    /// # Errors
    /// No such queue, or no queue names it as its dead-letter queue.
    pub fn redrive(&self, dead_letter_url: &str) -> Result<usize, ServiceError> {
        self.start_move(&self.arn(dead_letter_url), None)
            .map(|task| task.moved)
    }

    pub(super) fn start_move(
        &self,
        source_arn: &str,
        destination_arn: Option<&str>,
    ) -> Result<MoveTask, ServiceError> {
        let now = self.0.clock.now();
        let mut state = self.state();
        state.check_move(source_arn, destination_arn)?;
        let source = state.queue(source_arn)?;
        let leaving: Vec<Stored> = source
            .messages
            .extract_if(.., |message| !message.hidden(now))
            .collect();
        let mut moved = 0;
        for message in leaving {
            let target = destination_arn
                .or(message.source_arn.as_deref())
                .map(name_of);
            let target = target
                .filter(|name| state.queues.contains_key(*name))
                .map(str::to_owned);
            // Sent straight to the dead-letter queue, or its source is gone: it stays.
            let (name, message) = match target {
                Some(name) => (name, message.renewed(now, state.next_sequence())),
                None => (name_of(source_arn).to_owned(), message),
            };
            moved += usize::from(name != name_of(source_arn));
            state.queue(&name)?.messages.push(message);
        }
        let task = MoveTask {
            handle: Uuid::new_v4().to_string(),
            source_arn: source_arn.to_owned(),
            destination_arn: destination_arn.map(str::to_owned),
            started: now,
            moved,
        };
        state.tasks.push(task.clone());
        drop(state);
        self.0.changed.notify_waiters();
        Ok(task)
    }
}

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
        for mut message in dead {
            message.sequence = message.sequence.map(|_| self.next_sequence());
            let queue = self.queue(target)?;
            message.receipt = None;
            message.hidden_until = None;
            message.source_arn = Some(origin.to_owned());
            if queue.fifo() {
                message.sent = now;
                message.deduplication_id = Some(message.id.clone());
            }
            queue.messages.push(message);
        }
        Ok(())
    }

    fn check_move(&self, source: &str, destination: Option<&str>) -> Result<(), ServiceError> {
        let gone = || {
            ServiceError::new(
                "ResourceNotFoundException",
                "The resource that you specified for the SourceArn parameter doesn't exist.",
            )
        };
        let wrong = |reason: &str| Err(ServiceError::new("InvalidParameterValue", reason));
        let queue = self
            .queues
            .get(name_of(source))
            .filter(|queue| queue.arn == source)
            .ok_or_else(gone)?;
        let feeds = |arn: &str| {
            self.queues.values().any(|queue| {
                queue
                    .options
                    .dead_letter
                    .as_ref()
                    .is_some_and(|(to, _)| to == arn)
            })
        };
        if !feeds(source) {
            return wrong("Source queue must be configured as a Dead Letter Queue.");
        }
        let Some(destination) = destination else {
            return Ok(());
        };
        let target = self.queues.get(name_of(destination)).ok_or_else(gone)?;
        if target.fifo() != queue.fifo() || destination == source {
            return wrong("Source and destination queue must be two queues of the same type.");
        }
        Ok(())
    }
}

impl Stored {
    /// The message as it is after a redrive: a new one with the old content.
    fn renewed(self, now: SystemTime, sequence: u128) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            sequence: self.sequence.map(|_| sequence),
            sent: now,
            first_received: None,
            receive_count: 0,
            hidden_until: None,
            receipt: None,
            source_arn: None,
            ..self
        }
    }
}
