//! Finds the rate at which calls get through, and stays at it.
//!
//! Some refusals are this function's own fault: fewer calls, fewer refusals. Others are not, such
//! as those that the traffic of others causes: then slowing down is useless. What gets through as
//! a function of what is tried tells the two apart (performance-oriented congestion control, Dong
//! et al., NSDI 2015). So calls are sent by turns a quarter below the rate and a quarter above it,
//! and each pair of such phases is judged:
//!
//! - Nothing was refused: the rate grows.
//! - What the faster phase tried more got through, but for what is refused at any rate: it grows.
//! - Else this is the cap: the rate falls to what got through, and a few calls a second more. Those
//!   are refused, which is how a change of the cap is noticed. Since everybody under one cap tries
//!   about the same number too many, everybody ends with about the same share of it.
//! - The rate fell, and the share of refused calls did not: it goes back towards what it was.
//!
//! If the rate is several times too high, hardly any call gets through, and more than a pair of
//! phases would be wasted. So the first refused ones hold the next calls back, and the answers of
//! those in flight decide whether the rate falls at once.
//!
//! Times are seconds since some start, passed in, so that tests need no clock.

use std::collections::VecDeque;

use super::Outcome;
use super::phase::Phase;

/// Whatever happens, some calls are tried.
const LEAST: f64 = 4.0;
/// The rate at first: more than any function sends, so nobody waits.
const MOST: f64 = 100_000.0;

/// How far the two phases of a pair are from the rate.
const SWING: f64 = 0.25;

/// Pairs that are judged together at most, where one alone does not tell.
const MOST_PAIRS: usize = 3;

/// The share of what is tried more that must get through, of the share that gets through at any
/// rate: all of it where refusals are not one's own, half of it for each of two under one cap.
const GAIN: f64 = 0.75;
const LEAST_GAIN: f64 = 0.4;

/// The share of itself by which the rate grows: for each pair without a refusal before this one, and
/// after a sure gain. A token bucket refuses nothing while it has saved tokens, so a rate that grew
/// faster would go far beyond the cap.
const GROWTH: f64 = 0.05;
const SURE_GROWTH: f64 = 0.3;

/// A refused call adds one to the surplus, and a call that gets through takes this from it, down to
/// zero (a cumulative sum, Page 1954). Refusals at random of half the calls hardly ever reach
/// [`CERTAIN`].
const WEIGHT: f64 = 2.0;
/// From this surplus on calls are held back to [`HELD_RATE`].
const SUSPECT: f64 = 6.0;
const HELD_RATE: f64 = 20.0;
/// At this surplus the rate falls.
const CERTAIN: f64 = 16.0;

/// State of the rate.
#[derive(Debug)]
pub(super) struct Controller {
    /// Calls a second; [`MOST`] until many are refused.
    rate: f64,
    /// Calls that may be sent at `filled`; negative where calls were sent without a token.
    tokens: f64,
    filled: f64,
    last_sent: f64,
    /// Slow and fast ones by turns; the present phase is the last one.
    phases: VecDeque<Phase>,
    /// The number of the first of them.
    first: usize,
    /// About the calls that got through within the last second, at `last_through`.
    lately: f64,
    last_through: f64,
    /// How many more calls are refused of late than get through, weighted.
    surplus: f64,
    clean_pairs: u32,
    falls_in_a_row: u32,
    /// The rate from which it fell, and the share of refused calls there.
    fell_from: Option<(f64, f64)>,
}

impl Default for Controller {
    fn default() -> Self {
        Self {
            rate: MOST,
            tokens: MOST,
            filled: 0.0,
            last_sent: f64::NEG_INFINITY,
            phases: VecDeque::new(),
            first: 0,
            lately: 0.0,
            last_through: 0.0,
            surplus: 0.0,
            clean_pairs: 0,
            falls_in_a_row: 0,
            fell_from: None,
        }
    }
}

/// Calls a second beyond what gets through.
fn extra(rate: f64) -> f64 {
    (0.8 * rate.sqrt()).min(5.0)
}

impl Controller {
    /// Calls a second at this moment.
    pub fn present_rate(&self) -> f64 {
        let is_fast = self.phases.len().is_multiple_of(2);
        let swing = if is_fast { SWING } else { -SWING };
        let rate = self.rate * (1.0 + swing);
        if self.surplus < SUSPECT {
            rate
        } else {
            rate.min(HELD_RATE)
        }
    }

    /// Takes a token, or returns the seconds until the next one.
    pub fn take(&mut self, now: f64) -> Option<f64> {
        let rate = self.present_rate();
        // Timers fire a millisecond or more too late: the tokens of that time are kept.
        let most = (0.02 * rate).max(2.0);
        self.tokens = (self.tokens + (now - self.filled) * rate).min(most);
        self.filled = now;
        if self.tokens < 1.0 {
            return Some((1.0 - self.tokens) / rate + 1e-6);
        }
        self.tokens -= 1.0;
        None
    }

    /// A call is sent, charged for if it took no token; answers the number of its phase.
    pub fn sent(&mut self, has_token: bool, now: f64) -> usize {
        if !has_token {
            self.tokens = (self.tokens - 1.0).max(-10.0);
        }
        // Nothing was sent for a while: the phase would seem longer than it was.
        if now - self.last_sent > 0.5 + 3.0 / self.rate {
            self.begin_pair(now);
        }
        self.last_sent = now;
        self.turn_over(now);
        if let Some(phase) = self.phases.back_mut() {
            phase.sent += 1.0;
        }
        self.first + self.phases.len() - 1
    }

    /// A call of this phase has its outcome.
    pub fn settled(&mut self, phase: usize, outcome: Outcome, now: f64) {
        // Calls that were sent at an earlier rate say nothing about the present one.
        let known = phase.checked_sub(self.first);
        let Some(phase) = known.and_then(|index| self.phases.get_mut(index)) else {
            return;
        };
        phase.settle(outcome);
        match outcome {
            Outcome::Through => {
                self.surplus = (self.surplus - WEIGHT).max(0.0);
                self.lately = 1.0 + self.lately * (self.last_through - now).exp();
                self.last_through = now;
            }
            Outcome::Refused => self.surplus += 1.0,
            Outcome::Unknown => {}
        }
        if self.surplus >= CERTAIN {
            self.fall(now);
        } else {
            self.turn_over(now);
            self.judge(now);
        }
    }

    fn begin_pair(&mut self, now: f64) {
        self.forget(self.phases.len());
        self.phases.push_back(Phase::begin(now));
    }

    /// Forgets the oldest phases.
    fn forget(&mut self, phases: usize) {
        self.phases.drain(..phases);
        self.first += phases;
    }

    fn turn_over(&mut self, now: f64) {
        if self.phases.back_mut().is_some_and(|phase| phase.ends(now)) {
            self.phases.push_back(Phase::begin(now));
            if self.phases.len() > 2 * MOST_PAIRS + 2 {
                self.forget(2);
            }
        }
    }

    pub(super) fn set(&mut self, rate: f64, now: f64) {
        self.rate = rate.clamp(LEAST, MOST);
        self.surplus = 0.0;
        self.tokens = self.tokens.min(0.0);
        self.filled = now;
        self.last_sent = now;
        self.begin_pair(now);
    }

    /// The rate is several times too high.
    fn fall(&mut self, now: f64) {
        // The share of refused calls there: great, and not known better.
        self.fell_from = Some((self.rate, 0.7));
        self.clean_pairs = 0;
        let rate = if self.rate == MOST {
            // Mostly what the cap had saved up: a second's calls, as token buckets often hold.
            self.lately.max(HELD_RATE)
        } else {
            self.rate / 6.0
        };
        self.set(rate, now);
    }

    /// Judges the pairs whose outcomes are known, where they tell enough.
    fn judge(&mut self, now: f64) {
        let settled = self.phases.iter().take_while(|phase| phase.is_settled());
        let pairs = settled.count() / 2;
        if pairs == 0 {
            return;
        }
        let mut sums = [Phase::default(); 2];
        for (number, phase) in self.phases.iter().take(2 * pairs).enumerate() {
            sums[number % 2] += phase;
        }
        let [slow, fast] = sums;
        let mut both = slow;
        both += &fast;
        if both.refused == 0.0 {
            self.fell_from = None;
        }
        let is_tried = both.tried_rate() > 0.8 * self.rate && fast.tried_rate() > slow.tried_rate();
        let may_wait = pairs < MOST_PAIRS && both.seconds < 1.0;
        if is_tried && both.refused == 0.0 {
            self.grow(now);
        } else if is_tried {
            self.weigh(&slow, &fast, &both, may_wait, now);
        } else if both.refused_share() < 0.15 {
            // The rate does not change, so the calls in flight still tell about it.
            self.forget(2 * pairs);
        } else if !may_wait {
            // Fewer calls come than may, and many are refused: their rate is the one to judge.
            self.set(slow.tried_rate().max(fast.tried_rate()), now);
        }
    }

    /// A pair without a refusal.
    fn grow(&mut self, now: f64) {
        let growth = GROWTH * f64::from(self.clean_pairs);
        let grown = self.rate * (1.0 + growth) + extra(self.rate);
        self.clean_pairs += 1;
        self.set(grown, now);
    }

    /// Pairs with refusals: what did the faster phases get through beyond the slower ones?
    fn weigh(&mut self, slow: &Phase, fast: &Phase, both: &Phase, may_wait: bool, now: f64) {
        let rate = self.rate;
        let more = fast.tried_rate() - slow.tried_rate();
        let gain = (fast.through_rate() - slow.through_rate()) / more;
        let deviation = (slow.variance() + fast.variance()).sqrt() / more;
        let least = (GAIN * (1.0 - both.refused_share())).max(LEAST_GAIN);
        let certainty = (gain - least) / deviation;
        if certainty > -1.5 && self.goes_back(both, now) || certainty.abs() < 0.5 && may_wait {
            return;
        }
        self.clean_pairs = 0;
        let changed = if certainty > 0.0 {
            self.falls_in_a_row = 0;
            self.fell_from.take_if(|(from, _)| rate > *from);
            let is_sure = certainty > 2.0;
            rate + if is_sure {
                SURE_GROWTH * rate
            } else {
                extra(rate)
            }
        } else {
            self.falls_in_a_row += 1;
            self.fell_from.get_or_insert((rate, both.refused_share()));
            // One pair may be chance; several in a row are not.
            let step = 0.1 * certainty * f64::from(1 + self.falls_in_a_row);
            let through = both.through_rate();
            let cap = through + extra(through);
            cap.max(rate * (1.0 + step.clamp(-0.5, -0.03)))
        };
        self.set(changed, now);
    }

    /// Goes back towards an earlier rate where slowing down has not made refusals fewer.
    fn goes_back(&mut self, both: &Phase, now: f64) -> bool {
        let Some((from, share)) = self.fell_from else {
            return false;
        };
        if self.rate > 0.6 * from {
            return false;
        }
        self.fell_from = None;
        let share_under_a_cap = (1.0 - (1.0 - share) * from / self.rate).max(0.0);
        let is_no_cap = both.refused_share() > f64::midpoint(share, share_under_a_cap);
        // More than that are not taken for refusals at random: some are the cap's.
        if !is_no_cap || both.refused_share() >= 0.6 {
            return false;
        }
        self.set(from.min(4.0 * self.rate), now);
        true
    }
}
