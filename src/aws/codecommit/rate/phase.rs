//! A short time in which calls are sent at one rate, and what became of them.

use std::ops::AddAssign;

use super::Outcome;

/// A phase has at least so many calls and seconds: less tells too little, more is slow to follow.
const CALLS: f64 = 6.0;
const SECONDS: f64 = 0.06;

/// One phase, or the sum of several.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Phase {
    begun: f64,
    /// How long it lasted; zero until it has ended.
    pub seconds: f64,
    pub sent: f64,
    through: f64,
    pub refused: f64,
}

impl Phase {
    pub fn begin(now: f64) -> Self {
        Self {
            begun: now,
            ..Self::default()
        }
    }

    pub fn settle(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Through => self.through += 1.0,
            Outcome::Refused => self.refused += 1.0,
            Outcome::Unknown => self.sent -= 1.0,
        }
    }

    /// Ends it if it is long enough.
    pub fn ends(&mut self, now: f64) -> bool {
        let ends = self.sent >= CALLS && now - self.begun >= SECONDS;
        if ends {
            self.seconds = now - self.begun;
        }
        ends
    }

    /// Whether it has ended, and the outcome of all its calls is known.
    pub fn is_settled(&self) -> bool {
        self.seconds > 0.0 && self.through + self.refused >= self.sent
    }

    /// Calls tried in a second.
    pub fn tried_rate(&self) -> f64 {
        self.sent / self.seconds.max(1e-3)
    }

    /// Calls that got through in a second.
    pub fn through_rate(&self) -> f64 {
        self.through / self.seconds.max(1e-3)
    }

    /// The share of calls that was refused.
    pub fn refused_share(&self) -> f64 {
        self.refused / self.sent.max(1.0)
    }

    /// The variance of [`Self::through_rate`], as if each call were refused or not by chance.
    pub fn variance(&self) -> f64 {
        let sent = self.sent.max(1.0);
        let share = (self.refused + 0.5) / (sent + 1.0);
        self.tried_rate().powi(2) * share * (1.0 - share) / sent
    }
}

impl AddAssign<&Self> for Phase {
    fn add_assign(&mut self, other: &Self) {
        self.seconds += other.seconds;
        self.sent += other.sent;
        self.through += other.through;
        self.refused += other.refused;
    }
}
