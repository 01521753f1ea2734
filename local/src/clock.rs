//! One clock for every service of the local AWS.
//!
//! In tests it stands still, and is put forward when nothing else can happen: a visibility timeout
//! or the five minutes of an idempotency token then cost no real time, and none ends early on a
//! busy machine. The function under test never sees it: only the time that AWS itself measures
//! is shortened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::Notify;

/// The time as the local AWS sees it. Clones share it.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    started: SystemTime,
    since: Instant,
    /// Local seconds for each real one; 0 stands still.
    speed: u32,
    advanced_ns: AtomicU64,
    moved: Notify,
}

impl Default for Clock {
    fn default() -> Self {
        Self::faster(1)
    }
}

impl Clock {
    /// A clock that only [`Self::advance`] moves.
    pub fn still() -> Self {
        Self::faster(0)
    }

    /// A clock on which `speed` seconds pass for each real second.
    pub fn faster(speed: u32) -> Self {
        Self(Arc::new(Inner {
            started: SystemTime::now(),
            since: Instant::now(),
            speed,
            advanced_ns: AtomicU64::new(0),
            moved: Notify::new(),
        }))
    }

    pub fn now(&self) -> SystemTime {
        let passed = self.0.since.elapsed() * self.0.speed;
        let advanced = Duration::from_nanos(self.0.advanced_ns.load(Ordering::SeqCst));
        self.0.started + passed + advanced
    }

    /// Puts the clock forward and wakes all that sleep on it.
    pub fn advance(&self, by: Duration) {
        let ns = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.0.advanced_ns.fetch_add(ns, Ordering::SeqCst);
        self.0.moved.notify_waiters();
    }

    /// Sleeps until this clock shows `when`, by itself or put forward.
    pub async fn sleep_until(&self, when: SystemTime) {
        loop {
            let moved = self.0.moved.notified();
            let left = when.duration_since(self.now()).unwrap_or_default();
            if left.is_zero() {
                return;
            }
            let Some(real) = left.checked_div(self.0.speed) else {
                moved.await;
                continue;
            };
            tokio::select! {
                () = tokio::time::sleep(real.max(Duration::from_millis(1))) => {}
                () = moved => {}
            }
        }
    }
}

/// Milliseconds since the Unix epoch, as SQS writes its timestamps.
pub(crate) fn epoch_ms(at: SystemTime) -> u64 {
    let passed = at.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(passed.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}

/// RFC 3339 in whole seconds.
pub(crate) fn rfc3339(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at).truncate_to_second();
    at.format(&Rfc3339).unwrap_or_default()
}
