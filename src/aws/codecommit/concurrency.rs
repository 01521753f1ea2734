//! How many calls to CodeCommit are in flight at once: enough to keep this function busy, whatever
//! the latency.
//!
//! A function's cores have the time for so many calls a second; the longer each takes, the more
//! have to be in flight (Little's law). Where calls are throttled, the [rate](super::rate) says how
//! many are sent, whatever is in flight.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Calls a second that a function of two cores has the time for: some 350 µs each, of which the
/// SDK takes most.
const PER_SECOND: u128 = 2_800;

/// Calls in flight at 23 ms and less, and before anything is known.
const LEAST: usize = 64;

/// Calls in flight at 46 ms and more. Each has a connection: four pushes at once then have 512,
/// and a function may have 1,024 files open.
pub const MOST: usize = 128;

/// Answers among which the quickest counts: the others may have waited for this function itself.
const WINDOW: u32 = 64;

/// One client's measure. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Concurrency(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    /// Of the last whole window.
    quickest: Option<Duration>,
    so_far: Option<Duration>,
    answers: u32,
}

/// How many calls to have in flight where each is answered after so long.
pub fn in_flight_at(latency: Duration) -> usize {
    // Rounded to the nearest whole call.
    let due = (latency.as_micros() * PER_SECOND + 500_000) / 1_000_000;
    usize::try_from(due).map_or(MOST, |due| due.clamp(LEAST, MOST))
}

impl Concurrency {
    /// How many calls to have in flight.
    pub fn in_flight(&self) -> usize {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.quickest.map_or(LEAST, in_flight_at)
    }

    pub(super) fn answered(&self, after: Duration) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let quickest = state.so_far.map_or(after, |so_far| so_far.min(after));
        state.answers += 1;
        if state.answers == WINDOW {
            *state = State {
                quickest: Some(quickest),
                ..State::default()
            };
        } else {
            state.so_far = Some(quickest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(answers: &[u64]) -> usize {
        let concurrency = Concurrency::default();
        for ms in answers {
            concurrency.answered(Duration::from_millis(*ms));
        }
        concurrency.in_flight()
    }

    #[test]
    fn the_longer_an_answer_takes_the_more_calls_are_under_way_within_bounds() {
        let calls = [1, 20, 30, 40, 1_000].map(|ms| after(&[ms; 64]));
        assert_eq!(calls, [64, 64, 84, 112, 128]);
    }

    #[test]
    fn nothing_changes_before_there_is_something_to_go_by() {
        assert_eq!(after(&[100; 63]), 64);
    }

    #[test]
    fn answers_that_had_to_wait_do_not_count() {
        let mut answers = [400; 64];
        answers[17] = 20;
        assert_eq!(after(&answers), 64);
    }

    #[test]
    fn an_answer_that_takes_less_than_before_lowers_it_again() {
        let answers: Vec<_> = [100; 64].into_iter().chain([10; 64]).collect();
        assert_eq!(after(&answers), 64);
    }
}
