//! Amazon SQS: FIFO queues with dead-letter queues, in memory.
//!
//! The promise that pushbuild makes rests on what a FIFO queue does with a message that was not
//! deleted, so the rules are kept to the letter: order within a group, a closed group while one of
//! its messages is in flight, receive counts, handles that expire.
//!
//! - `queue`, `sending`: one queue's rules
//! - `message`: a message in its queue
//! - `state`: all queues; into the dead-letter queue and back
//! - `api`, `batch`: the actions that are called over HTTP
//! - `fault`: what SQS answers when it refuses
//!
//! Not here: standard queues, delays, message attributes, permissions, the actions that make or
//! change queues, and those that receive and delete, which Lambda's event source mapping does.

mod api;
mod batch;
mod fault;
mod message;
mod queue;
mod sending;
mod state;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::aws::{ACCOUNT, REGION};
use crate::clock::Clock;
use crate::error::ServiceError;
use queue::Queue;
use sending::Outgoing;
use state::State;

pub use fault::query_error_code;
pub use message::Message;

/// The member of a batch's entry that makes it fail; no client can know it.
pub const FAILS: &str = "Fails";

/// The queues of one account in one region. Clones share them.
#[derive(Clone)]
pub struct Sqs(Arc<Inner>);

struct Inner {
    clock: Clock,
    endpoint: String,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Clone, Debug)]
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
    pub fn new(clock: Clock, endpoint: &str) -> Self {
        Self(Arc::new(Inner {
            clock,
            endpoint: endpoint.to_owned(),
            state: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// Creates a FIFO queue and returns its URL. One that exists stays as it is.
    pub fn create_queue(&self, name: &str, options: QueueOptions) -> String {
        let queue = || Queue::new(arn(name), options);
        let mut state = self.0.state.lock();
        state.queues.entry(name.to_owned()).or_insert_with(queue);
        self.url(name)
    }

    /// Sends as EventBridge does, with the body and a message group alone, to the push queue with
    /// a deduplication id of its own; returns the message id.
    pub fn send(&self, url: &str, body: &str, group: &str) -> Result<String, ServiceError> {
        self.change(|state, now| {
            let is_push_queue = state.queue(url)?.options.is_push_queue;
            let message = Outgoing {
                message_body: body.to_owned(),
                message_group_id: group.to_owned(),
                message_deduplication_id: is_push_queue.then(|| Uuid::new_v4().to_string()),
                ..Outgoing::default()
            };
            Ok(state.send(url, message, now)?.message_id)
        })
    }

    /// Receives up to `max` messages, waiting up to `wait` (local time) for a first one.
    pub async fn receive(
        &self,
        url: &str,
        max: usize,
        wait: Duration,
    ) -> Result<Vec<Message>, ServiceError> {
        let clock = &self.0.clock;
        let deadline = clock.now() + wait;
        loop {
            // Registered before looking, so that nothing sent in between is missed.
            let changed = self.0.changed.notified();
            let now = clock.now();
            let (messages, next) = self.0.state.lock().receive(url, max, now)?;
            if !messages.is_empty() || now >= deadline {
                self.0.changed.notify_waiters();
                return Ok(messages);
            }
            let wake = next.map_or(deadline, |next| next.min(deadline));
            tokio::select! {
                () = changed => {}
                () = clock.sleep_until(wake) => {}
            }
        }
    }

    pub fn delete(&self, url: &str, receipt_handle: &str) -> Result<(), ServiceError> {
        self.change(|state, now| state.queue(url)?.delete(receipt_handle, now))
    }

    /// Moves every message of a dead-letter queue that is not in flight back to the queue it came
    /// from, oldest first, and returns how many were moved.
    pub fn redrive(&self, dead_letter_url: &str) -> Result<usize, ServiceError> {
        self.change(|state, now| state.redrive(dead_letter_url, now))
    }

    /// What lies in a queue, in order, without receiving it; empty if there is no such queue.
    /// `invisible_until` is set for what is in flight alone.
    pub fn messages(&self, url: &str) -> Vec<Message> {
        let now = self.0.clock.now();
        let state = self.0.state.lock();
        let queue = state.queues.get(name_of(url));
        let messages = queue.into_iter().flat_map(|queue| queue.messages.values());
        let as_now = |message: &Message| Message {
            invisible_until: message.invisible_until.filter(|until| *until > now),
            ..message.clone()
        };
        messages.map(as_now).collect()
    }

    /// The receives of a queue so far that handed out a message, and when the next one will be if
    /// nothing is sent, deleted or changed.
    pub fn receives(&self, url: &str) -> (usize, Option<SystemTime>) {
        let now = self.0.clock.now();
        let state = self.0.state.lock();
        let queue = state.queues.get(name_of(url));
        queue.map_or((0, None), |queue| (queue.batches, queue.next_receive(now)))
    }

    /// Makes one change in one piece, and wakes all who wait for any.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut State, SystemTime) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let now = self.0.clock.now();
        let changed = change(&mut self.0.state.lock(), now);
        self.0.changed.notify_waiters();
        changed
    }

    fn url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.0.endpoint)
    }
}

/// The ARN of the queue that a URL or a name stands for.
pub fn arn(url: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", name_of(url))
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
