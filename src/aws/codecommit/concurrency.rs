//! How many calls to CodeCommit each push has in flight: few at first, since all of them may be
//! refused, and more the more get through. Where calls are refused, the [rate](super::rate) bounds
//! how many are sent a second, however many are in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Semaphore;

/// Calls in flight of a push before any got through.
const LEAST: usize = 64;

/// The most calls in flight of a push.
pub(crate) const MOST: usize = 192;

/// The most calls in flight of all pushes of the process. Each has a connection, and may leave another
/// one: where a call finds no idle connection, the HTTP client makes one, and keeps it also when an
/// earlier call's becomes idle first (`connection_for` in hyper-util's legacy client). A function may
/// have 1,024 files open (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub(crate) const MOST_OF_ALL: usize = 2 * MOST;

/// Permits for the calls in flight of all pushes. An answer may wait for memory until its bundle is
/// written up to it. So permits for contents are taken in the order of the bundle, and a call out of
/// order goes without one.
pub(crate) static OF_ALL_PUSHES: Semaphore = Semaphore::const_new(MOST_OF_ALL);

/// Calls that get through for each further one in flight.
const STEP: usize = 4;

/// How many calls of one client got through. Clones share the count.
#[derive(Clone, Debug, Default)]
pub(super) struct Concurrency {
    through: Arc<AtomicUsize>,
}

impl Concurrency {
    /// How many calls each push may have in flight.
    pub(super) fn in_flight(&self) -> usize {
        MOST.min(LEAST + self.through.load(Ordering::Relaxed) / STEP)
    }

    /// A call got through.
    pub(super) fn got_through(&self) {
        self.through.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fourth_call_that_gets_through_makes_one_more_up_to_a_bound() {
        let concurrency = Concurrency::default();
        let after = [0, 3, 4, 400, 10_000].map(|through| {
            concurrency.through.store(through, Ordering::Relaxed);
            concurrency.in_flight()
        });
        assert_eq!(after, [64, 64, 65, 164, 192]);
        concurrency.through.store(7, Ordering::Relaxed);
        concurrency.got_through();
        assert_eq!(concurrency.in_flight(), 66);
    }
}
