//! CodeCommit and the functions that call it, in simulated time.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::Outcome;
use super::controller::Controller;
use crate::aws::codecommit::concurrency::Concurrency;

/// Timers fire at whole milliseconds.
const STEP: f64 = 0.001;

/// What each answer takes of the function's processor, one after the other: many answers at once come
/// later than one.
const PROCESSOR: f64 = 0.0003;

/// What is simulated.
#[derive(Clone, Debug)]
pub(super) struct Simulation {
    pub functions: usize,
    /// A token bucket of one second's calls.
    pub cap: Option<f64>,
    /// From this second on, another cap.
    pub change: Option<(f64, f64)>,
    /// The share of calls that is refused at random.
    pub random: f64,
    pub latency: f64,
    /// Calls that each function wants through, and the seconds after which it ends anyway.
    pub calls: usize,
    pub seconds: f64,
    pub seed: u64,
}

impl Default for Simulation {
    fn default() -> Self {
        Self {
            functions: 1,
            cap: None,
            change: None,
            random: 0.0,
            latency: 0.02,
            calls: usize::MAX,
            seconds: 1_000.0,
            seed: 1,
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Simulated {
    pub seconds: f64,
    functions: Vec<Function>,
}

#[derive(Debug, Default)]
struct Function {
    controller: Controller,
    concurrency: Concurrency,
    /// When each call is answered, its phase, and its outcome.
    in_flight: Vec<(f64, usize, Outcome)>,
    /// When the last of them is answered.
    busy_until: f64,
    /// When calls got through, and when they were refused.
    through: Vec<f64>,
    refused: Vec<f64>,
}

impl Simulated {
    /// Calls of a function that got through between two times, for each second.
    pub fn between(&self, function: usize, from: f64, until: f64) -> f64 {
        let times = self.functions[function].through.iter();
        count(times.filter(|at| (from..until).contains(*at))) / (until - from)
    }

    /// The share of all functions' calls that was refused from this second on.
    pub fn refused_share(&self, from: f64) -> f64 {
        let since = |times: fn(&Function) -> &[f64]| {
            let times = self.functions.iter().flat_map(times);
            count(times.filter(|at| **at >= from))
        };
        let refused = since(|function| &function.refused);
        refused / (refused + since(|function| &function.through))
    }
}

fn count(items: impl Iterator) -> f64 {
    f64::from(u32::try_from(items.count()).unwrap())
}

impl Simulation {
    pub fn run(&self) -> Simulated {
        let mut random = StdRng::seed_from_u64(self.seed);
        let mut functions: Vec<Function> = Vec::new();
        functions.resize_with(self.functions, Function::default);
        let (mut now, mut tokens) = (0.0, self.cap.unwrap_or_default());
        let mut step = 0;
        while now < self.seconds && functions.iter().any(|one| one.through.len() < self.calls) {
            now += STEP;
            step += 1;
            let changed = self.change.filter(|(when, _)| now > *when);
            let cap = changed.map(|(_, cap)| cap).or(self.cap);
            tokens = cap.map_or(f64::MAX, |cap| (tokens + STEP * cap).min(cap));
            for turn in 0..self.functions {
                // Neither is always the first to take a token.
                let function = &mut functions[(turn + step) % self.functions];
                function.answers(now);
                while function.may_send(self.calls, now) {
                    let is_through = tokens >= 1.0 && !random.random_bool(self.random);
                    let outcome = if is_through {
                        tokens -= 1.0;
                        Outcome::Through
                    } else {
                        Outcome::Refused
                    };
                    let at = now + self.latency * random.random_range(0.8..1.2);
                    function.busy_until = at.max(function.busy_until + PROCESSOR);
                    let phase = function.controller.sent(true, now);
                    let answered = (function.busy_until, phase, outcome);
                    function.in_flight.push(answered);
                }
            }
        }
        Simulated {
            seconds: now,
            functions,
        }
    }
}

impl Function {
    /// Takes the answers that have come.
    fn answers(&mut self, now: f64) {
        for (_, phase, outcome) in self.in_flight.extract_if(.., |(at, ..)| *at <= now) {
            if outcome == Outcome::Through {
                self.through.push(now);
                self.concurrency.got_through();
            } else {
                self.refused.push(now);
            }
            self.controller.settled(phase, outcome, now);
        }
    }

    fn may_send(&mut self, calls: usize, now: f64) -> bool {
        self.in_flight.len() < self.concurrency.in_flight()
            && self.through.len() + self.in_flight.len() < known(calls, self.through.len())
            && self.controller.take(now).is_none()
    }
}

/// How many of a push's calls can be made once so many got through. The commit, its root and one folder
/// are read one after the other. That folder has twenty folders, which have all others. The files are
/// known when all folders are listed.
fn known(calls: usize, through: usize) -> usize {
    let folders = calls / 2;
    match through {
        0..3 => through + 1,
        3..23 => 23 + (folders - 23) / 20 * (through - 3),
        _ if through < folders => folders,
        _ => calls,
    }
}
