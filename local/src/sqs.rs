//! Amazon SQS: FIFO queues with dead-letter queues, in memory.
//!
//! The promise that pushbuild makes rests on what a FIFO queue does with a message that was not
//! deleted, so the rules are kept to the letter: order within a group, a closed group while one of
//! its messages is in flight, receive counts, handles that expire.
//!
//! - `queue`, `sending`: one queue's rules
//! - `message`: what lies in a queue, and what a receiver gets
//! - `state`, `redrive`: all queues; into the dead-letter queue and back
//! - `api`, `batch`: the actions that are called over HTTP
//! - `fault`: what SQS answers when it refuses
//!
//! Not here: standard queues, delays, message attributes, permissions, and the actions that make
//! or change queues.

mod api;
mod batch;
mod fault;
mod message;
mod queue;
mod redrive;
mod sending;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::ServiceError;
use fault::invalid;
use queue::Queue;
use sending::Outgoing;
use state::State;

pub use fault::query_error_header;
pub use message::{Message, Snapshot};

/// The queues of one account in one region. Clones share them.
#[derive(Clone)]
pub struct Sqs(Arc<Inner>);

struct Inner {
    clock: Clock,
    endpoint: String,
    region: String,
    account: String,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    pub visibility_timeout: Duration,
    /// The dead-letter queue's ARN, and how often a message is received before it goes there.
    pub dead_letter: Option<(String, u32)>,
    /// As the template has the push queue: deduplication by message group, and an id from every
    /// sender. Otherwise deduplication is the whole queue's, and the id may be the SHA-256 of the
    /// body, which EventBridge demands of a rule's target.
    pub is_push_queue: bool,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            visibility_timeout: Duration::from_secs(30),
            dead_letter: None,
            is_push_queue: false,
        }
    }
}

impl Sqs {
    /// No queues yet. Their URLs will begin with `endpoint`.
    pub fn new(clock: Clock, endpoint: &str, region: &str, account: &str) -> Self {
        Self(Arc::new(Inner {
            clock,
            endpoint: endpoint.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            state: Mutex::new(State::new()),
            changed: Notify::new(),
        }))
    }

    /// Creates a FIFO queue and returns its URL.
    pub fn create_queue(&self, name: &str, options: QueueOptions) -> Result<String, ServiceError> {
        let stem = name.strip_suffix(".fifo").unwrap_or_default();
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if stem.is_empty() || name.len() > 80 || !stem.bytes().all(allowed) {
            let reason = "Can only include alphanumeric characters, hyphens, or underscores, and .fifo at its end. 1 to 80 in length";
            return Err(invalid(name, "QueueName", reason));
        }
        let mut state = self.state();
        let url = self.url(name);
        if let Some(existing) = state.queues.get(name) {
            let message =
                "A queue already exists with the same name and a different value for an attribute.";
            let refused = ServiceError::new("QueueNameExists", message);
            return if existing.options == options {
                Ok(url)
            } else {
                Err(refused)
            };
        }
        if let Some((arn, _)) = &options.dead_letter
            && !state.queues.values().any(|queue| queue.arn == *arn)
        {
            let reason = "Dead letter target does not exist.";
            return Err(invalid(arn, "RedrivePolicy", reason));
        }
        let queue = Queue::new(name, self.arn(name), options);
        state.queues.insert(name.to_owned(), queue);
        Ok(url)
    }

    /// The ARN of the queue that a URL or a name stands for.
    pub fn arn(&self, url: &str) -> String {
        let (region, account) = (&self.0.region, &self.0.account);
        format!("arn:aws:sqs:{region}:{account}:{}", name_of(url))
    }

    /// Sends as EventBridge does, with the body and a message group alone, to the push queue with
    /// a deduplication id of its own; returns the message id.
    pub fn send(&self, url: &str, body: &str, group: &str) -> Result<String, ServiceError> {
        let now = self.0.clock.now();
        let mut state = self.state();
        let is_push_queue = state.queue(url)?.options.is_push_queue;
        let message = Outgoing {
            body: body.to_owned(),
            group: group.to_owned(),
            deduplication_id: is_push_queue.then(|| Uuid::new_v4().to_string()),
        };
        let accepted = state.send(url, message, now)?;
        drop(state);
        self.0.changed.notify_waiters();
        Ok(accepted.message_id)
    }

    /// Receives up to `max` messages, waiting up to `wait` (local time) for a first one. Empty
    /// if there is no such queue.
    pub async fn receive(&self, url: &str, max: usize, wait: Duration) -> Vec<Message> {
        let received = self.poll(url, max, wait).await;
        received.unwrap_or_default()
    }

    async fn poll(
        &self,
        url: &str,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Message>, ServiceError> {
        let clock = &self.0.clock;
        let deadline = clock.now() + wait;
        loop {
            // Registered before looking, so that nothing sent in between is missed.
            let changed = self.changed();
            let now = clock.now();
            let received = self.state().receive(url, max, now)?;
            if received.moved {
                self.0.changed.notify_waiters();
            }
            if !received.messages.is_empty() || now >= deadline {
                return Ok(received.messages);
            }
            let next = received.next_visible;
            let wake = next.map_or(deadline, |next| next.min(deadline));
            tokio::select! {
                () = changed => {}
                () = clock.sleep_until(wake) => {}
            }
        }
    }

    /// Deletes the message that a receipt handle stands for.
    pub fn delete(&self, url: &str, receipt_handle: &str) -> Result<(), ServiceError> {
        let now = self.0.clock.now();
        self.state().queue(url)?.delete(receipt_handle, now)?;
        self.0.changed.notify_waiters();
        Ok(())
    }

    /// Hides a message in flight for `timeout` (local time) from now.
    fn change_visibility(
        &self,
        url: &str,
        receipt_handle: &str,
        timeout: Duration,
    ) -> Result<(), ServiceError> {
        let now = self.0.clock.now();
        self.state()
            .queue(url)?
            .change_visibility(receipt_handle, timeout, now)?;
        self.0.changed.notify_waiters();
        Ok(())
    }

    /// Moves every message of a dead-letter queue that is not in flight back to the queue it came
    /// from, oldest first, and returns how many were moved.
    pub fn redrive(&self, dead_letter_url: &str) -> Result<usize, ServiceError> {
        let now = self.0.clock.now();
        let moved = self.state().redrive(dead_letter_url, now)?;
        self.0.changed.notify_waiters();
        Ok(moved)
    }

    /// What lies in a queue, in order, without receiving it; empty if there is no such queue.
    pub fn messages(&self, url: &str) -> Vec<Snapshot> {
        let now = self.0.clock.now();
        let state = self.state();
        let queue = state.queues.get(name_of(url));
        let messages = queue.into_iter().flat_map(|queue| queue.messages.values());
        messages.map(|message| message.snapshot(now)).collect()
    }

    /// Whether nothing is in a queue, neither visible nor in flight.
    pub fn is_empty(&self, url: &str) -> bool {
        let state = self.state();
        let queue = state.queues.get(name_of(url));
        queue.is_none_or(|queue| queue.messages.is_empty())
    }

    /// The receives of a queue so far that handed out a message, and when the next one will be if
    /// nothing is sent, deleted or changed.
    pub fn receives(&self, url: &str) -> (usize, Option<SystemTime>) {
        let now = self.0.clock.now();
        let state = self.state();
        let queue = state.queues.get(name_of(url));
        queue.map_or((0, None), |queue| (queue.batches, queue.next_receive(now)))
    }

    /// Resolves when anything is sent, received, deleted, moved or made visible in any queue.
    ///
    /// Changes count from this call on, not from the first poll: call, look, then await. A
    /// visibility timeout that ends by itself is no change.
    pub fn changed(&self) -> Notified<'_> {
        self.0.changed.notified()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the queues as they were: each change is made in one piece.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{}/{name}", self.0.endpoint, self.0.account)
    }
}

/// The queue's name: the last part of its URL or ARN.
fn name_of(url: &str) -> &str {
    url.trim_end_matches('/')
        .rsplit(['/', ':'])
        .next()
        .unwrap_or(url)
}

#[cfg(test)]
mod tests;
