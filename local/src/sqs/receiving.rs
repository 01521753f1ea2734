//! Out of all queues: waiting for messages, and what became of those received too often.

use std::time::{Duration, SystemTime};

use super::Sqs;
use super::message::Message;
use super::name::name_of;
use crate::error::ServiceError;

impl Sqs {
    /// Receives up to `max` messages, waiting up to `wait` (local time) for a first one. None if
    /// there is no such queue.
    pub async fn receive(&self, url: &str, max: usize, wait: Duration) -> Vec<Message> {
        self.poll(url, max, None, wait).await.unwrap_or_default()
    }

    pub(super) async fn poll(
        &self,
        url: &str,
        max: usize,
        visibility: Option<Duration>,
        wait: Duration,
    ) -> Result<Vec<Message>, ServiceError> {
        let clock = &self.0.clock;
        let deadline = clock.now() + wait;
        loop {
            // Asked for before looking, so that nothing sent in between is missed.
            let changed = self.changed();
            let now = clock.now();
            let (messages, next) = self.take(url, max, visibility, now)?;
            if !messages.is_empty() || now >= deadline {
                return Ok(messages);
            }
            let wake = next.map_or(deadline, |next| next.min(deadline));
            tokio::select! {
                () = changed => {}
                () = clock.sleep_until(wake) => {}
            }
        }
    }

    /// One look into the queue: what can be had now, and when there may be more.
    fn take(
        &self,
        url: &str,
        max: usize,
        visibility: Option<Duration>,
        now: SystemTime,
    ) -> Result<(Vec<Message>, Option<SystemTime>), ServiceError> {
        let mut state = self.state();
        let mut receipts = state.receipts;
        let next_receipt = || {
            receipts += 1;
            receipts
        };
        // Where the dead-letter queue was deleted, messages stay and are received on and on.
        let dead_letter = state.queue(url)?.options.dead_letter.clone();
        let dead_letter = dead_letter.filter(|(arn, _)| state.queues.contains_key(name_of(arn)));
        let limit = dead_letter.as_ref().map(|(_, count)| *count);
        let queue = state.queue(url)?;
        let taken = queue.receive(max, visibility, limit, next_receipt, now);
        let next = queue.next_visible(now);
        let origin = queue.arn.clone();
        state.receipts = receipts;
        let moved = !taken.messages.is_empty() || !taken.dead.is_empty();
        if let Some((target, _)) = dead_letter {
            state.bury(taken.dead, &origin, &target, now)?;
        }
        drop(state);
        if moved {
            self.0.changed.notify_waiters();
        }
        Ok((taken.messages, next))
    }
}
