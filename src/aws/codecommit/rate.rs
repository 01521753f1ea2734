//! The pace of the calls to CodeCommit: as fast as they come, until the first throttle; from then
//! on as fast as they are measured to get through.
//!
//! The account's rate is published nowhere (<https://github.com/boto/boto3/issues/3663>) and shared
//! by everyone in it, so it is measured: while a cap refuses calls, those that still get through in
//! a second *are* the cap. The SDK's adaptive mode was tried: it holds such a cap as well (5,000
//! calls in 103 s under 50 a second), but where calls are refused at random, as by the traffic of
//! others in the account, it falls to a call every two seconds. Throttles on three calls in ten
//! (`tests/it/faults.rs`) kept small pushes from ending within 90 seconds.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What gets through is counted over this long.
const WINDOW: Duration = Duration::from_secs(1);

/// One throttle rarely comes alone: what follows within this time is the same event.
const ONE_EVENT: Duration = Duration::from_millis(500);

/// The share of the measured rate to go on with: what is left lets the cap recover.
const CAREFUL: f64 = 0.95;

/// Growth of the rate in a second, up to what it has not been measured to be too much.
const GROWTH: f64 = 1.03;

/// The same where a throttle came before there was anything to measure.
const QUICK_GROWTH: f64 = 2.0;

/// Calls in a window from which it says anything about the cap.
const LEAST_MEASURE: usize = 5;

/// Calls a second that are always tried: others' calls may be what the cap refuses.
const LEAST_RATE: f64 = 5.0;

/// A rate at which nothing is held back any more, in calls a second.
const UNBOUNDED: f64 = 2_000.0;

/// One client's pace. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Rate(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Calls a second; none while nothing was throttled.
    rate: Option<f64>,
    quick: bool,
    /// When the next call may go.
    next: Option<Instant>,
    grown: Option<Instant>,
    cut: Option<Instant>,
    /// Calls that got through in the last [`WINDOW`].
    through: VecDeque<Instant>,
}

impl Rate {
    /// Waits for this call's turn.
    pub async fn turn(&self) {
        let wait = self.state().reserve(Instant::now());
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
    }

    pub fn got_through(&self) {
        self.state().got_through(Instant::now());
    }

    pub fn throttled(&self) {
        self.state().throttled(Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is made in one piece.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes the next place in the queue; answers how long it is until then.
    fn reserve(&mut self, now: Instant) -> Duration {
        self.grow(now);
        let Some(rate) = self.rate else {
            return Duration::ZERO;
        };
        let mine = self.next.map_or(now, |next| next.max(now));
        self.next = Some(mine + Duration::from_secs_f64(1.0 / rate));
        mine - now
    }

    fn grow(&mut self, now: Instant) {
        let since = self
            .grown
            .replace(now)
            .map_or(Duration::ZERO, |at| now - at);
        let factor = if self.quick { QUICK_GROWTH } else { GROWTH };
        self.rate = self
            .rate
            .map(|rate| rate * factor.powf(since.as_secs_f64()))
            .filter(|rate| *rate < UNBOUNDED);
    }

    fn got_through(&mut self, now: Instant) {
        self.through.push_back(now);
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        while self.through.front().is_some_and(|at| now - *at > WINDOW) {
            self.through.pop_front();
        }
    }

    fn throttled(&mut self, now: Instant) {
        if self.cut.is_some_and(|cut| now - cut < ONE_EVENT) {
            return;
        }
        self.cut = Some(now);
        self.forget(now);
        self.grow(now);
        let count = self.through.len();
        self.quick = count < LEAST_MEASURE;
        let measured = f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        // A window with few calls in it does not mean that more are too many.
        let measured = match self.rate {
            Some(rate) => measured.clamp(rate / 2.0, rate),
            None => measured,
        };
        self.rate = Some((measured * CAREFUL).max(LEAST_RATE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many calls by 64 callers against a cap of `per_second`; answers the seconds it
    /// took and the calls that were throttled.
    fn run(calls: usize, per_second: f64, latency_ms: u64) -> (f64, usize) {
        let begun = Instant::now();
        let mut state = State::default();
        let (mut tokens, mut filled) = (per_second, begun);
        // When each caller's call arrives.
        let mut due: Vec<Instant> = vec![begun; 64];
        let (mut done, mut refused) = (0, 0);
        while done < calls {
            due.sort_unstable();
            let now = due[0];
            tokens = (tokens + (now - filled).as_secs_f64() * per_second).min(per_second);
            filled = now;
            let answered = now + Duration::from_millis(latency_ms);
            if tokens >= 1.0 {
                tokens -= 1.0;
                done += 1;
                state.got_through(now);
            } else {
                refused += 1;
                state.throttled(now);
            }
            due[0] = answered + state.reserve(now);
        }
        ((filled - begun).as_secs_f64(), refused)
    }

    #[test]
    fn under_a_steady_cap_calls_come_at_nearly_that_rate_and_few_are_throttled() {
        for (calls, per_second) in [(5_000, 50.0), (5_000, 200.0), (1_000, 10.0)] {
            let (took, refused) = run(calls, per_second, 20);
            let least = f64::from(u32::try_from(calls).unwrap()) / per_second - 1.0;
            assert!(took < 1.2 * least, "{took} s for {calls} at {per_second}/s");
            assert!(
                refused * 5 < calls,
                "{refused} of {calls} at {per_second}/s"
            );
        }
    }

    #[test]
    fn without_a_throttle_nothing_waits() {
        let mut state = State::default();
        let now = Instant::now();
        assert!((0..1_000).all(|_| state.reserve(now).is_zero()));
    }

    #[test]
    fn a_single_throttle_at_the_start_is_soon_forgotten() {
        let mut state = State::default();
        let begun = Instant::now();
        state.throttled(begun);
        assert_eq!(state.rate, Some(LEAST_RATE));
        state.grow(begun + Duration::from_secs(10));
        assert_eq!(state.rate, None);
    }
}
