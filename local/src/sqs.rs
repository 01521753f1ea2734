//! Amazon SQS: standard and FIFO queues with dead-letter queues, in memory.
//!
//! The promise that pushbuild makes rests on what a FIFO queue does with a message that was not
//! deleted, so the rules are kept to the letter: order within a group, a closed group while one of
//! its messages is in flight, receive counts, handles that expire.
//!
//! - `queue`, `sending`, `deduplication`: one queue's rules
//! - `message`, `attributes`, `receipt`, `options`: what lies in a queue, what opens it, how it
//!   behaves
//! - `state`, `name`: all queues of the account, and how they are named
//! - `receiving`: a receive's wait, and the way into the dead-letter queue
//! - `redrive`: from the dead-letter queue back to where the messages came from
//! - `operations`, `batches`, `administration`, `input`: the JSON API over all this
//! - `fault`: what SQS answers when it says no

mod administration;
mod attributes;
mod batches;
mod deduplication;
mod fault;
mod input;
mod message;
mod name;
mod operations;
mod options;
mod queue;
mod receipt;
mod receiving;
mod redrive;
mod sending;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::clock::Clock;
use crate::error::ServiceError;
use deduplication::Accepted;
use name::{check_name, name_of};
use queue::Queue;
use sending::Outgoing;
use state::State;

pub use fault::{query_error_code, query_error_header};
pub use message::{Message, Snapshot};
pub use options::QueueOptions;

/// The queues of one account in one region. Clones share them.
#[derive(Clone)]
pub struct Sqs(Arc<Inner>);

struct Inner {
    clock: Clock,
    region: String,
    account: String,
    state: Mutex<State>,
    changed: Notify,
}

impl Sqs {
    /// No queues yet. Until [`Self::set_base_url`] says better, queue URLs name port 4566.
    pub fn new(clock: Clock, region: &str, account: &str) -> Self {
        Self(Arc::new(Inner {
            clock,
            region: region.to_owned(),
            account: account.to_owned(),
            state: Mutex::new(State::new()),
            changed: Notify::new(),
        }))
    }

    /// Where queue URLs point to, for instance `http://127.0.0.1:4566`; known once a port is bound.
    pub fn set_base_url(&self, base_url: &str) {
        base_url
            .trim_end_matches('/')
            .clone_into(&mut self.state().base_url);
    }

    /// Creates a queue, FIFO if its name ends in `.fifo`, and returns its URL.
    ///
    /// # Errors
    /// A name that is not allowed or was deleted less than a minute ago; an existing queue with
    /// other options; a dead-letter queue that does not exist or is of the other type.
    pub fn create_queue(&self, name: &str, options: QueueOptions) -> Result<String, ServiceError> {
        let now = self.0.clock.now();
        let arn = self.arn(name);
        check_name(name)?;
        let mut state = self.state();
        if let Some(existing) = state.queues.get(name) {
            if existing.options == options {
                return Ok(self.url(&state, name));
            }
            return Err(ServiceError::new(
                "QueueNameExists",
                "A queue already exists with the same name and a different value for an attribute.",
            ));
        }
        state.check_free(name, now)?;
        state.check_dead_letter(name, &options)?;
        state
            .queues
            .insert(name.to_owned(), Queue::new(name, arn, options, now));
        Ok(self.url(&state, name))
    }

    /// The ARN of the queue that a URL or a name stands for.
    pub fn arn(&self, url: &str) -> String {
        format!(
            "arn:aws:sqs:{}:{}:{}",
            self.0.region,
            self.0.account,
            name_of(url)
        )
    }

    /// Sends as EventBridge does, with the body and a message group alone; returns the message id.
    ///
    /// # Errors
    /// No such queue, or a body or group that SQS refuses.
    pub fn send(&self, url: &str, body: &str, group: &str) -> Result<String, ServiceError> {
        let group = Some(group.to_owned());
        let message = Outgoing {
            body: body.to_owned(),
            group,
            ..Outgoing::default()
        };
        self.accept(url, message)
            .map(|accepted| accepted.message_id)
    }

    fn accept(&self, url: &str, message: Outgoing) -> Result<Accepted, ServiceError> {
        let now = self.0.clock.now();
        let mut state = self.state();
        let sequence = state.next_sequence();
        let accepted = state.queue(url)?.send(message, sequence, now)?;
        drop(state);
        self.0.changed.notify_waiters();
        Ok(accepted)
    }

    /// Deletes the message that a receipt handle stands for.
    ///
    /// # Errors
    /// No such queue, not a handle of it, or (FIFO) a handle that has expired.
    pub fn delete(&self, url: &str, receipt_handle: &str) -> Result<(), ServiceError> {
        let now = self.0.clock.now();
        self.state().queue(url)?.delete(receipt_handle, now)?;
        self.0.changed.notify_waiters();
        Ok(())
    }

    /// Hides a message in flight for `timeout` (local time) from now.
    ///
    /// # Errors
    /// As `ChangeMessageVisibility`: the message is gone or visible, the handle is not its latest.
    pub fn change_visibility(
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

    /// What lies in a queue, in order, without receiving it; nothing if there is no such queue.
    pub fn messages(&self, url: &str) -> Vec<Snapshot> {
        let now = self.0.clock.now();
        let state = self.state();
        let queue = state.queues.get(name_of(url));
        queue.map_or_else(Vec::new, |queue| {
            queue
                .messages
                .iter()
                .map(|message| message.snapshot(now))
                .collect()
        })
    }

    /// Whether nothing is in a queue, neither visible nor in flight.
    pub fn is_empty(&self, url: &str) -> bool {
        self.state()
            .queues
            .get(name_of(url))
            .is_none_or(|queue| queue.messages.is_empty())
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

    fn url(&self, state: &State, name: &str) -> String {
        format!("{}/{}/{name}", state.base_url, self.0.account)
    }
}

#[cfg(test)]
mod tests;
