//! Counts the calls of one push, attempt by attempt.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counts of one push. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct CallCounts {
    calls: Arc<AtomicU64>,
    throttled: Arc<AtomicU64>,
}

impl CallCounts {
    /// Requests sent to CodeCommit, every attempt counted.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// How many of them were throttled.
    pub fn throttled(&self) -> u64 {
        self.throttled.load(Ordering::Relaxed)
    }

    pub(super) fn add_call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_throttled(&self) {
        self.throttled.fetch_add(1, Ordering::Relaxed);
    }
}
