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
//! - Many refused in a row: the rate is several times too high.
//! - The rate fell, and the share of refused calls did not: it goes back to what it was.
//!
//! Times are seconds since some start, passed in, so that tests need no clock.

use std::collections::VecDeque;

use super::Outcome;
use super::phase::{Phase, Sum};

/// How far the two phases of a pair are from the rate.
const SWING: f64 = 0.25;

/// A phase has at least so many calls and seconds: less tells too little, more is slow to follow.
const CALLS: u32 = 6;
const SECONDS: f64 = 0.06;

/// Pairs that are judged together at most, where one alone does not tell.
const MOST_PAIRS: usize = 3;

/// The share of what is tried more that must get through, of the share that gets through at any
/// rate: all of it where refusals are not one's own, half of it for each of two under one cap.
const GAIN: f64 = 0.75;
const LEAST_GAIN: f64 = 0.4;

/// What the rate grows by after two, three, and more pairs without a refusal, and by a sure gain.
const GROWTH: [f64; 3] = [1.15, 1.6, 2.0];
const SURE_GROWTH: f64 = 1.3;

/// Under a cap below a tenth of the rate, so many calls in a row are refused; at random, one call
/// in two refused, once in four thousand calls.
const IN_A_ROW: u32 = 12;

/// Bounds of the rate: whatever happens, some calls are tried; and no function sends more.
const LEAST: f64 = 4.0;
const MOST: f64 = 8_000.0;

/// State of the rate.
#[derive(Debug, Default)]
pub(super) struct Controller {
    /// Calls a second; `None` until enough are refused.
    rate: Option<f64>,
    /// Calls that may be sent at `filled`; negative where calls were sent without a token.
    tokens: f64,
    filled: f64,
    last_sent: f64,
    /// The present phase is the last one.
    phases: VecDeque<Phase>,
    phases_begun: u64,
    refused_in_a_row: u32,
    clean_pairs: usize,
    falls_in_a_row: u32,
    /// The share of refused calls at the last judgement.
    share: f64,
    /// The rate from which it fell, and the share of refused calls there.
    fell_from: Option<(f64, f64)>,
    unlimited: Unlimited,
}

/// Counts the answered and the refused calls while no rate is set.
#[derive(Debug, Default)]
struct Unlimited {
    first: f64,
    last: f64,
    calls: u32,
    through: u32,
    /// The last 32 outcomes, one bit each: whether it was refused.
    recent: u32,
}

/// Calls a second beyond what gets through.
fn extra(rate: f64) -> f64 {
    rate.sqrt().min(5.0)
}

impl Controller {
    /// The rate of the present phase.
    pub fn present_rate(&self) -> Option<f64> {
        let swing = match self.phases.back() {
            Some(phase) if phase.is_fast => 1.0 + SWING,
            _ => 1.0 - SWING,
        };
        self.rate.map(|rate| rate * swing)
    }

    /// Takes a token, or returns the seconds until the next one.
    pub fn take(&mut self, now: f64) -> Option<f64> {
        let rate = self.present_rate()?;
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

    /// Charges for a call that took no token.
    pub fn charge(&mut self) {
        self.tokens = (self.tokens - 1.0).max(-10.0);
    }

    /// A call is sent; answers the number of its phase.
    pub fn sent(&mut self, now: f64) -> u64 {
        let Some(rate) = self.rate else {
            return 0;
        };
        // Nothing was sent for a while: the phase would seem longer than it was.
        if now - self.last_sent > 0.5 + 3.0 / rate {
            self.begin_pair(now);
        }
        self.last_sent = now;
        self.turn_over(now);
        self.phases.back_mut().map_or(0, |phase| {
            phase.add_sent();
            phase.number
        })
    }

    /// A call of this phase has its outcome.
    pub fn settled(&mut self, phase: u64, outcome: Outcome, now: f64) {
        let Some(rate) = self.rate else {
            if let Some(rate) = self.unlimited.settled(outcome, now) {
                self.set(rate, now);
            }
            return;
        };
        // Calls that were sent at an earlier rate say nothing about the present one.
        let Some(phase) = self.phases.iter_mut().find(|known| known.number == phase) else {
            return;
        };
        phase.settle(outcome);
        match outcome {
            Outcome::Through => self.refused_in_a_row = 0,
            Outcome::Refused => self.refused_in_a_row += 1,
            Outcome::Unknown => {}
        }
        if self.refused_in_a_row >= IN_A_ROW {
            if self.share > 0.0 {
                self.fell_from = Some((rate, self.share.max(0.5)));
            }
            self.clean_pairs = 0;
            self.set(rate / 6.0, now);
            return;
        }
        self.turn_over(now);
        self.judge(rate, now);
    }

    fn begin_pair(&mut self, now: f64) {
        self.phases.clear();
        self.begin_phase(false, now);
    }

    fn begin_phase(&mut self, is_fast: bool, now: f64) {
        self.phases_begun += 1;
        self.phases
            .push_back(Phase::new(self.phases_begun, is_fast, now));
        // The oldest pair goes.
        if self.phases.len() > 2 * MOST_PAIRS + 2 {
            self.phases.drain(..2);
        }
    }

    fn turn_over(&mut self, now: f64) {
        if let Some(phase) = self.phases.back_mut()
            && phase.has(CALLS, SECONDS, now)
        {
            phase.end(now);
            let is_fast = !phase.is_fast;
            self.begin_phase(is_fast, now);
        }
    }

    pub(super) fn set(&mut self, rate: f64, now: f64) {
        self.rate = Some(rate.clamp(LEAST, MOST));
        self.refused_in_a_row = 0;
        self.tokens = self.tokens.min(0.0);
        self.filled = now;
        self.last_sent = now;
        self.begin_pair(now);
    }

    /// Judges the pairs whose outcomes are known, where they tell enough.
    fn judge(&mut self, rate: f64, now: f64) {
        let settled = self.phases.iter().take_while(|phase| phase.is_settled());
        let pairs = settled.count() / 2;
        if pairs == 0 {
            return;
        }
        let (mut slow, mut fast, mut both) = (Sum::default(), Sum::default(), Sum::default());
        for phase in self.phases.iter().take(2 * pairs) {
            let sum = if phase.is_fast { &mut fast } else { &mut slow };
            sum.add(phase);
            both.add(phase);
        }
        if both.refused == 0.0 {
            (self.fell_from, self.share) = (None, 0.0);
            // Where fewer calls come than may, the rate is not what is tried.
            if both.tried() > 0.8 * rate {
                let grown = match self.clean_pairs {
                    0 => rate + extra(rate),
                    pairs => rate * GROWTH[pairs.min(GROWTH.len()) - 1],
                };
                self.clean_pairs += 1;
                self.set(grown, now);
            } else {
                self.begin_pair(now);
            }
            return;
        }
        if fast.tried() < 1.15 * slow.tried() {
            if both.share() > 0.15 && both.tried() < 0.95 * rate {
                self.set(both.tried(), now);
            } else {
                self.begin_pair(now);
            }
            return;
        }
        if self.goes_back(rate, &both, now) {
            return;
        }
        let more = fast.tried() - slow.tried();
        let gain = (fast.through() - slow.through()) / more;
        let deviation = (slow.variance() + fast.variance()).sqrt() / more;
        let least = (GAIN * (1.0 - both.share())).max(LEAST_GAIN);
        let certainty = (gain - least) / deviation;
        if certainty.abs() < 0.5 && pairs < MOST_PAIRS && both.seconds < 1.0 {
            return;
        }
        self.share = both.share();
        self.clean_pairs = 0;
        if certainty > 0.0 {
            self.falls_in_a_row = 0;
            self.fell_from.take_if(|(from, _)| rate > *from);
            let is_sure = certainty > 2.0;
            let by_little = rate + extra(rate);
            self.set(
                if is_sure {
                    rate * SURE_GROWTH
                } else {
                    by_little
                },
                now,
            );
        } else {
            self.falls_in_a_row += 1;
            self.fell_from.get_or_insert((rate, self.share));
            // One pair may be chance; several in a row are not.
            let step = 0.15 * certainty * f64::from(1 + self.falls_in_a_row);
            let fallen = rate * (1.0 + step.clamp(-0.5, -0.03));
            let cap = both.through() + extra(both.through());
            self.set(fallen.max(cap).min(rate * 1.1), now);
        }
    }

    /// Goes back to an earlier rate where slowing down has not made refusals fewer.
    fn goes_back(&mut self, rate: f64, now_refused: &Sum, now: f64) -> bool {
        let Some((from, share)) = self.fell_from else {
            return false;
        };
        if rate > 0.7 * from || now_refused.calls < 12.0 {
            return false;
        }
        self.fell_from = None;
        let share_under_a_cap = (1.0 - (1.0 - share) * from / rate).max(0.0);
        let is_no_cap = now_refused.share() > f64::midpoint(share, share_under_a_cap);
        if !is_no_cap || now_refused.share() >= 0.6 {
            return false;
        }
        self.share = now_refused.share();
        self.set(from, now);
        true
    }
}

impl Unlimited {
    /// A rate, once enough calls were refused.
    fn settled(&mut self, outcome: Outcome, now: f64) -> Option<f64> {
        if self.calls == 0 || self.calls == 256 || now - self.last > 0.5 {
            *self = Self {
                first: now,
                ..Self::default()
            };
        }
        self.last = now;
        if outcome == Outcome::Unknown {
            return None;
        }
        let is_refused = outcome == Outcome::Refused;
        self.calls += 1;
        self.through += u32::from(!is_refused);
        self.recent = self.recent << 1 | u32::from(is_refused);
        let seconds = (now - self.first).max(0.1);
        let share = 1.0 - f64::from(self.through) / f64::from(self.calls);
        let of_24 = (self.recent << 8).count_ones();
        if self.recent.trailing_ones() >= IN_A_ROW || self.calls >= 24 && of_24 >= 18 {
            // Much of what got through was what the cap had saved up; it saves again meanwhile.
            Some((f64::from(self.through) / seconds / 4.0).max(20.0))
        } else if self.calls >= 64 && share > 0.15 && of_24 < 8 {
            Some(f64::from(self.calls) / seconds)
        } else {
            None
        }
    }
}
