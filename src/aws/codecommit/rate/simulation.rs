//! CodeCommit and the functions that call it, in simulated time.

use super::Outcome;
use super::controller::Controller;

/// Timers fire at whole milliseconds.
const STEP: f64 = 0.001;

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

/// One function, with 64 calls in flight at most.
#[derive(Debug, Default)]
struct Function {
    controller: Controller,
    /// When each is answered, whether it gets through, and its phase.
    in_flight: Vec<(f64, bool, u64)>,
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

    /// The share of calls refused after the first three seconds, in which the cap is found.
    pub fn refused_share(&self) -> f64 {
        let late = |times: fn(&Function) -> &[f64]| {
            let times = self.functions.iter().flat_map(times);
            count(times.filter(|at| **at >= 3.0))
        };
        let refused = late(|function| &function.refused);
        refused / (refused + late(|function| &function.through))
    }
}

fn count(items: impl Iterator) -> f64 {
    f64::from(u32::try_from(items.count()).unwrap())
}

/// Evenly spread from 0 to 1: xorshift.
struct Random(u64);

impl Random {
    fn draw(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
    }
}

impl Simulation {
    pub fn run(&self) -> Simulated {
        let mut random = Random(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        (0..10).for_each(|_| _ = random.draw());
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
                let answered = function.in_flight.extract_if(.., |(at, ..)| *at <= now);
                for (_, is_through, phase) in answered {
                    let (times, outcome) = if is_through {
                        (&mut function.through, Outcome::Through)
                    } else {
                        (&mut function.refused, Outcome::Refused)
                    };
                    times.push(now);
                    function.controller.settled(phase, outcome, now);
                }
                while function.in_flight.len() < 64
                    && function.through.len() + function.in_flight.len() < self.calls
                    && function.controller.take(now).is_none()
                {
                    let is_through = random.draw() >= self.random && tokens >= 1.0;
                    tokens -= f64::from(u8::from(is_through));
                    let at = now + self.latency * (0.8 + 0.4 * random.draw());
                    let phase = function.controller.sent(now);
                    function.in_flight.push((at, is_through, phase));
                }
            }
        }
        Simulated {
            seconds: now,
            functions,
        }
    }
}
