//! A short time in which calls are sent at one rate, and what became of them.

use super::Outcome;

/// One phase.
#[derive(Clone, Debug)]
pub(super) struct Phase {
    pub number: u64,
    pub is_fast: bool,
    begun: f64,
    ended: Option<f64>,
    sent: u32,
    through: u32,
    refused: u32,
}

impl Phase {
    pub fn new(number: u64, is_fast: bool, now: f64) -> Self {
        Self {
            number,
            is_fast,
            begun: now,
            ended: None,
            sent: 0,
            through: 0,
            refused: 0,
        }
    }

    pub fn add_sent(&mut self) {
        self.sent += 1;
    }

    pub fn settle(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Through => self.through += 1,
            Outcome::Refused => self.refused += 1,
            Outcome::Unknown => self.sent -= 1,
        }
    }

    /// Whether it has so many calls and has lasted so long.
    pub fn has(&self, calls: u32, seconds: f64, now: f64) -> bool {
        self.sent >= calls && now - self.begun >= seconds
    }

    pub fn end(&mut self, now: f64) {
        self.ended = Some(now);
    }

    /// Whether it has ended, and the outcome of all its calls is known.
    pub fn is_settled(&self) -> bool {
        self.ended.is_some() && self.through + self.refused >= self.sent
    }
}

/// Several phases of the same rate, added up.
#[derive(Debug, Default)]
pub(super) struct Sum {
    pub seconds: f64,
    pub calls: f64,
    pub refused: f64,
}

impl Sum {
    pub fn add(&mut self, phase: &Phase) {
        self.seconds += phase.ended.unwrap_or(phase.begun) - phase.begun;
        self.calls += f64::from(phase.through + phase.refused);
        self.refused += f64::from(phase.refused);
    }

    /// Calls tried in a second.
    pub fn tried(&self) -> f64 {
        self.calls / self.seconds.max(1e-3)
    }

    /// Calls that got through in a second.
    pub fn through(&self) -> f64 {
        (self.calls - self.refused) / self.seconds.max(1e-3)
    }

    /// The share of calls that was refused.
    pub fn share(&self) -> f64 {
        self.refused / self.calls.max(1.0)
    }

    /// The variance of [`Self::through`], as if each call were refused or not by chance.
    pub fn variance(&self) -> f64 {
        let calls = self.calls.max(1.0);
        let share = (self.refused + 0.5) / (calls + 1.0);
        self.tried().powi(2) * share * (1.0 - share) / calls
    }
}
