//! The controller against caps, latencies and random refusals, in simulated time; and the waiting
//! of callers, with a paused clock.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::controller::Controller;
use super::*;

/// CodeCommit and the processes that call it.
#[derive(Clone, Debug)]
struct Simulation {
    processes: usize,
    /// Calls in flight in each process.
    callers: usize,
    /// A token bucket of one second's calls.
    cap: Option<f64>,
    /// From this second on, another cap.
    change: Option<(f64, f64)>,
    /// The share of calls that is refused at random.
    random: f64,
    latency: f64,
    /// Calls that each process wants through, and the seconds after which it ends anyway.
    calls: usize,
    seconds: f64,
    seed: u64,
}

impl Default for Simulation {
    fn default() -> Self {
        Self {
            processes: 1,
            callers: 64,
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
#[derive(Debug, Default)]
struct Simulated {
    seconds: f64,
    /// By process, the times at which calls got through.
    through: Vec<Vec<f64>>,
    /// The times of refusals.
    refused: Vec<f64>,
}

impl Simulated {
    /// Calls of a process that got through between two times, for each second.
    fn between(&self, process: usize, from: f64, until: f64) -> f64 {
        let times = self.through[process].iter();
        count(times.filter(|at| **at >= from && **at < until).count()) / (until - from)
    }

    /// The share of calls refused after the first three seconds, in which the cap is found.
    fn refused_share(&self) -> f64 {
        let late = |times: &[f64]| count(times.iter().filter(|at| **at >= 3.0).count());
        let through: f64 = self.through.iter().map(|through| late(through)).sum();
        late(&self.refused) / (late(&self.refused) + through)
    }
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Go,
    Answer { is_through: bool, phase: u64 },
}

impl Simulation {
    fn run(&self) -> Simulated {
        let mut random = Random(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        (0..10).for_each(|_| _ = random.draw());
        let mut controllers: Vec<_> = (0..self.processes).map(|_| Controller::default()).collect();
        let mut in_flight = vec![0; self.processes];
        // Of each process: whether a caller waits for a token.
        let mut waits = vec![true; self.processes];
        let mut result = Simulated {
            through: vec![Vec::new(); self.processes],
            ..Simulated::default()
        };
        let (mut cap, mut tokens, mut filled) = (self.cap, self.cap.unwrap_or(0.0), 0.0);
        let mut events = BinaryHeap::new();
        // In nanoseconds, which have an order.
        let at = |seconds: f64| Duration::from_secs_f64(seconds).as_nanos();
        for process in 0..self.processes {
            events.push(Reverse((at(0.001) * process as u128, process, Event::Go)));
        }
        while let Some(Reverse((nanos, process, event))) = events.pop() {
            let now = Duration::from_nanos(u64::try_from(nanos).unwrap()).as_secs_f64();
            result.seconds = now;
            if now > self.seconds {
                break;
            }
            let controller = &mut controllers[process];
            if let Event::Answer { is_through, phase } = event {
                in_flight[process] -= 1;
                let outcome = if is_through {
                    result.through[process].push(now);
                    Outcome::Through
                } else {
                    result.refused.push(now);
                    Outcome::Refused
                };
                controller.settled(phase, outcome, now);
                if result
                    .through
                    .iter()
                    .all(|through| through.len() >= self.calls)
                {
                    break;
                }
            }
            waits[process] &= event != Event::Go;
            while !waits[process]
                && in_flight[process] < self.callers
                && result.through[process].len() + in_flight[process] < self.calls
            {
                if let Some(wait) = controller.take(now) {
                    events.push(Reverse((at(now + wait), process, Event::Go)));
                    waits[process] = true;
                    continue;
                }
                let phase = controller.sent(now);
                in_flight[process] += 1;
                if let Some((when, changed)) = self.change
                    && now > when
                {
                    cap = Some(changed);
                }
                let mut is_through = random.draw() >= self.random;
                if let Some(cap) = cap {
                    tokens = (tokens + (now - filled) * cap).min(cap);
                    filled = now;
                    is_through &= tokens >= 1.0;
                    tokens -= f64::from(u8::from(tokens >= 1.0));
                }
                let answered = at(now + self.latency * (0.8 + 0.4 * random.draw()));
                let answer = Event::Answer { is_through, phase };
                events.push(Reverse((answered, process, answer)));
            }
        }
        result
    }
}

fn seeds() -> impl Iterator<Item = u64> {
    1..=8
}

#[test]
fn under_a_steady_cap_nine_tenths_of_it_get_through_and_few_are_refused() {
    for cap in [5.0, 10.0, 20.0, 60.0, 150.0, 500.0] {
        for latency in [0.02, 0.06] {
            for seed in seeds() {
                let simulation = Simulation {
                    cap: Some(cap),
                    latency,
                    seconds: 40.0,
                    seed,
                    ..Simulation::default()
                };
                let result = simulation.run();
                let through = result.between(0, 5.0, 40.0);
                assert!(through > 0.95 * cap, "{through} of {simulation:?}");
                let refused = result.refused_share();
                let most = if cap < 20.0 { 0.33 } else { 0.2 };
                assert!(refused < most, "{refused} of {simulation:?}");
            }
        }
    }
}

/// The table of a first push of 614 files and folders.
#[test]
fn a_small_repository_comes_as_fast_as_each_cap_allows() {
    let wanted = [
        (Some(20.0), 0.0, 19.0),
        (Some(60.0), 0.0, 55.0),
        (Some(150.0), 0.0, 135.0),
        (None, 0.1, 300.0),
        (None, 0.3, 150.0),
    ];
    for (cap, random, a_second) in wanted {
        for seed in seeds() {
            let simulation = Simulation {
                cap,
                random,
                calls: 614,
                seed,
                ..Simulation::default()
            };
            let rate = 614.0 / simulation.run().seconds;
            assert!(rate > a_second, "{rate} of {simulation:?}");
        }
    }
}

#[test]
fn refusals_at_random_do_not_slow_a_long_fetch_down() {
    for (random, latency, a_second) in [(0.1, 0.06, 700.0), (0.3, 0.02, 400.0), (0.3, 0.06, 300.0)]
    {
        for seed in seeds() {
            let simulation = Simulation {
                random,
                latency,
                calls: 5_000,
                seed,
                ..Simulation::default()
            };
            let rate = 5_000.0 / simulation.run().seconds;
            assert!(rate > a_second, "{rate} of {simulation:?}");
        }
    }
}

#[test]
fn a_cap_that_changes_is_followed_within_two_seconds() {
    for (cap, changed) in [
        (20.0, 40.0),
        (60.0, 30.0),
        (60.0, 120.0),
        (150.0, 75.0),
        (150.0, 300.0),
        (500.0, 250.0),
        (500.0, 1_000.0),
    ] {
        for seed in seeds() {
            let simulation = Simulation {
                cap: Some(cap),
                change: Some((10.0, changed)),
                seconds: 16.0,
                seed,
                ..Simulation::default()
            };
            let result = simulation.run();
            let through = result.between(0, 12.0, 16.0);
            assert!(through > 0.9 * changed, "{through} of {simulation:?}");
        }
    }
}

#[test]
fn two_processes_under_one_cap_use_it_together_and_neither_starves() {
    for cap in [20.0, 60.0, 150.0, 500.0] {
        for seed in seeds() {
            let simulation = Simulation {
                processes: 2,
                cap: Some(cap),
                seconds: 70.0,
                seed,
                ..Simulation::default()
            };
            let result = simulation.run();
            let [one, other] = [0, 1].map(|process| result.between(process, 10.0, 70.0));
            assert!(
                one + other > 0.95 * cap,
                "{one} and {other} of {simulation:?}"
            );
            assert!(
                one.min(other) > 0.2 * cap / 2.0,
                "{one} and {other} of {simulation:?}"
            );
        }
    }
}

#[test]
fn what_one_push_learned_the_next_begins_with() {
    let mut controller = Controller::default();
    assert_eq!(controller.present_rate(), None);
    for call in 0..24_u32 {
        controller.sent(0.0);
        controller.settled(0, Outcome::Refused, f64::from(call) * 0.001);
    }
    assert!(controller.present_rate().is_some());
    // An hour later.
    assert_eq!(controller.take(3_600.0), None);
    controller.sent(3_600.0);
    assert!(controller.present_rate().is_some_and(|rate| rate < 30.0));
}

#[test]
fn without_a_refusal_nobody_waits() {
    let mut controller = Controller::default();
    for call in 0..10_000_u32 {
        assert_eq!(controller.take(f64::from(call) * 1e-4), None);
        let phase = controller.sent(f64::from(call) * 1e-4);
        controller.settled(phase, Outcome::Through, f64::from(call) * 1e-4);
    }
}

#[test]
fn a_call_whose_outcome_nobody_waits_for_holds_up_no_judgement() {
    let mut controller = Controller::default();
    for _ in 0..24 {
        controller.settled(0, Outcome::Refused, 0.0);
    }
    let before = controller.present_rate();
    let mut now = 0.0;
    for call in 0..40 {
        now += controller.take(now).unwrap_or(0.0);
        let phase = controller.sent(now);
        let outcome = if call % 3 == 0 {
            Outcome::Unknown
        } else {
            Outcome::Through
        };
        controller.settled(phase, outcome, now);
    }
    assert!(controller.present_rate() > before);
}

/// A rate of 20 calls a second.
async fn limited() -> Rate {
    let rate = Rate::default();
    for _ in 0..10 {
        rate.turn().await;
        rate.sent(true).settle(Outcome::Refused);
    }
    rate
}

#[tokio::test(start_paused = true)]
async fn callers_go_in_their_order_at_the_rate() {
    let rate = limited().await;
    let begun = Instant::now();
    let mut callers = Vec::new();
    for _ in 0..5 {
        let rate = rate.clone();
        callers.push(tokio::spawn(async move {
            rate.turn().await;
            Instant::now()
        }));
        tokio::task::yield_now().await;
    }
    let mut last = begun;
    for caller in callers {
        let went = caller.await.unwrap();
        assert!(
            went - last >= Duration::from_millis(60),
            "{:?}",
            went - last
        );
        last = went;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits_is_woken_by_a_greater_rate() {
    let rate = limited().await;
    rate.controller().set_for_test(4.0);
    let begun = Instant::now();
    let waiting = rate.clone();
    let caller = tokio::spawn(async move { waiting.turn().await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    rate.change(|controller, _| controller.set_for_test(1_000.0));
    caller.await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(20));
}
