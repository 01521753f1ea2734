//! Counts the calls of one push, attempt by attempt.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The counts of one push. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct CallCounts(Arc<Counters>);

#[derive(Debug, Default)]
struct Counters {
    calls: AtomicU64,
    throttled: AtomicU64,
}

impl CallCounts {
    /// Requests sent to CodeCommit, every attempt counted.
    pub fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// How many of them were throttled.
    pub fn throttled(&self) -> u64 {
        self.0.throttled.load(Ordering::Relaxed)
    }

    pub(super) fn add_call(&self) {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_throttled(&self) {
        self.0.throttled.fetch_add(1, Ordering::Relaxed);
    }
}
