//! How many calls a second are sent to CodeCommit.
//!
//! The account's rate is published nowhere (<https://github.com/boto/boto3/issues/3663>) and shared
//! by everyone in it, so the [`Controller`] finds it. All pushes of a process share one, and the
//! next invocation begins with what the last one learned.
//!
//! The SDK's adaptive mode was tried: where calls are refused at random, as by the traffic of
//! others in the account, it falls to a call every two seconds.

mod controller;
mod phase;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use controller::Controller;

/// One client's rate. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Rate(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    controller: Mutex<Controller>,
    /// Callers wait in the order in which they came; the first of them waits for a token.
    first: tokio::sync::Mutex<()>,
    changed: Notify,
    started: Instant,
}

/// What became of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Through,
    Refused,
    /// No answer came, or nobody waited for it.
    Unknown,
}

impl Default for Rate {
    fn default() -> Self {
        Self(Arc::new(Shared {
            controller: Mutex::default(),
            first: tokio::sync::Mutex::default(),
            changed: Notify::new(),
            started: Instant::now(),
        }))
    }
}

impl Rate {
    /// Waits for a token. Nobody reserves one: a caller goes at the rate as it is when it goes.
    pub(super) async fn turn(&self) {
        let _first = self.0.first.lock().await;
        while let Some(seconds) = self.change(Controller::take) {
            let wait = Duration::from_secs_f64(seconds);
            let _ = timeout(wait, self.0.changed.notified()).await;
        }
    }

    /// One attempt is sent; `has_token` unless the SDK repeats a call by itself.
    pub(super) fn sent(&self, has_token: bool) -> Attempt {
        Attempt {
            outcome: Outcome::Unknown,
            rate: self.clone(),
            phase: self.change(|controller, now| controller.sent(has_token, now)),
        }
    }

    /// Changes the controller's state, and wakes who waits where that changes the rate.
    fn change<T>(&self, change: impl FnOnce(&mut Controller, f64) -> T) -> T {
        let mut controller = self.0.controller.lock();
        let before = controller.present_rate();
        let changed = change(&mut controller, self.0.started.elapsed().as_secs_f64());
        if before.total_cmp(&controller.present_rate()).is_ne() {
            self.0.changed.notify_one();
        }
        changed
    }
}

/// An attempt that was sent; dropped, it is judged by its outcome.
#[derive(Debug)]
pub(super) struct Attempt {
    pub outcome: Outcome,
    rate: Rate,
    phase: usize,
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let (phase, outcome) = (self.phase, self.outcome);
        self.rate
            .change(|controller, now| controller.settled(phase, outcome, now));
    }
}
