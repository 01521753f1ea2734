//! The controller in simulated time; and the waiting of callers, with a paused clock.

use super::controller::Controller;
use super::simulation::{Simulated, Simulation};
use super::*;

/// Runs a simulation with eight seeds.
fn runs(simulation: &Simulation) -> impl Iterator<Item = (Simulation, Simulated)> {
    (1..=8).map(|seed| {
        let simulation = Simulation {
            seed,
            ..simulation.clone()
        };
        let result = simulation.run();
        (simulation, result)
    })
}

#[test]
fn under_a_steady_cap_nearly_all_of_it_gets_through_and_few_calls_are_refused() {
    for cap in [5.0, 10.0, 20.0, 60.0, 150.0, 500.0] {
        for latency in [0.02, 0.06] {
            let steady = Simulation {
                cap: Some(cap),
                latency,
                seconds: 40.0,
                ..Simulation::default()
            };
            for (simulation, result) in runs(&steady) {
                let through = result.between(0, 5.0, 40.0);
                assert!(through > 0.95 * cap, "{through} of {simulation:?}");
                // After the first seconds, in which the cap is found.
                let refused = result.refused_share(3.0);
                let most = if cap < 20.0 { 0.33 } else { 0.2 };
                assert!(refused < most, "{refused} of {simulation:?}");
            }
        }
    }
}

/// A first push of 614 files and folders, as the benchmark has it, and a fetch of 5,000 calls.
#[test]
fn a_fetch_is_as_fast_as_caps_and_refusals_at_random_allow() {
    for (cap, random, latency, calls, a_second) in [
        (Some(20.0), 0.0, 0.02, 614, 19.0),
        (Some(60.0), 0.0, 0.02, 614, 55.0),
        (Some(60.0), 0.0, 0.06, 614, 55.0),
        (Some(150.0), 0.0, 0.02, 614, 135.0),
        (Some(150.0), 0.0, 0.06, 614, 135.0),
        (None, 0.1, 0.02, 614, 1_300.0),
        (None, 0.3, 0.02, 614, 700.0),
        (None, 0.1, 0.06, 5_000, 1_500.0),
        (None, 0.3, 0.02, 5_000, 1_300.0),
        (None, 0.3, 0.06, 5_000, 300.0),
        (None, 0.45, 0.02, 5_000, 300.0),
        (Some(150.0), 0.3, 0.02, 5_000, 75.0),
    ] {
        let fetch = Simulation {
            cap,
            random,
            latency,
            calls,
            ..Simulation::default()
        };
        let mut refused = 0.0;
        for (simulation, result) in runs(&fetch) {
            let through = result.between(0, 0.0, result.seconds);
            assert!(through > a_second, "{through} of {simulation:?}");
            refused += result.refused_share(0.0) / 8.0;
        }
        // The start included, where all calls in flight are refused once.
        assert!(refused < random + 0.2, "{refused} of {fetch:?}");
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
        let changes = Simulation {
            cap: Some(cap),
            change: Some((10.0, changed)),
            seconds: 16.0,
            ..Simulation::default()
        };
        for (simulation, result) in runs(&changes) {
            let through = result.between(0, 12.0, 16.0);
            assert!(through > 0.9 * changed, "{through} of {simulation:?}");
        }
    }
}

#[test]
fn functions_under_one_cap_use_it_together_and_none_starves() {
    for (functions, cap, least_of_fair, most_refused) in [
        (2, 20.0, 0.4, 0.5),
        (2, 60.0, 0.4, 0.3),
        (2, 150.0, 0.4, 0.3),
        (2, 500.0, 0.4, 0.3),
        (3, 60.0, 0.3, 0.4),
        (4, 150.0, 0.3, 0.4),
    ] {
        let shared = Simulation {
            functions,
            cap: Some(cap),
            seconds: 70.0,
            ..Simulation::default()
        };
        for (simulation, result) in runs(&shared) {
            let each = (0..functions).map(|function| result.between(function, 10.0, 70.0));
            let all: f64 = each.clone().sum();
            assert!(all > 0.95 * cap, "{all} of {simulation:?}");
            let fair = all / f64::from(u32::try_from(functions).unwrap());
            let least = each.fold(fair, f64::min);
            assert!(least > least_of_fair * fair, "{least} of {simulation:?}");
            let refused = result.refused_share(3.0);
            assert!(refused < most_refused, "{refused} of {simulation:?}");
        }
    }
}

#[test]
fn what_one_push_learned_the_next_begins_with() {
    let mut controller = Controller::default();
    assert!(controller.present_rate() > 10_000.0);
    for call in 0..24_u32 {
        let phase = controller.sent(true, 0.0);
        controller.settled(phase, Outcome::Refused, f64::from(call) * 0.001);
    }
    assert!(controller.present_rate() < 30.0);
    // An hour later.
    assert_eq!(controller.take(3_600.0), None);
    controller.sent(true, 3_600.0);
    assert!(controller.present_rate() < 30.0);
}

#[test]
fn the_first_fall_is_to_what_got_through_within_a_second() {
    let mut controller = Controller::default();
    for call in 0..166_u32 {
        let now = f64::from(call) * 0.001;
        let phase = controller.sent(true, now);
        let is_through = call < 150;
        let outcome = [Outcome::Refused, Outcome::Through][usize::from(is_through)];
        controller.settled(phase, outcome, now);
    }
    // Three quarters of it in a slow phase.
    let rate = controller.present_rate();
    assert!((90.0..115.0).contains(&rate), "{rate}");
}

#[test]
fn without_a_refusal_nobody_waits() {
    let mut controller = Controller::default();
    for call in 0..10_000_u32 {
        let now = f64::from(call) * 1e-4;
        assert_eq!(controller.take(now), None);
        let phase = controller.sent(true, now);
        controller.settled(phase, Outcome::Through, now);
    }
}

#[test]
fn a_call_whose_outcome_nobody_waits_for_holds_up_no_judgement() {
    let mut controller = Controller::default();
    controller.set(20.0, 0.0);
    let before = controller.present_rate();
    let mut now = 0.0;
    for call in 0..40 {
        now += controller.take(now).unwrap_or(0.0);
        let phase = controller.sent(true, now);
        let outcome = if call % 3 == 0 {
            Outcome::Unknown
        } else {
            Outcome::Through
        };
        controller.settled(phase, outcome, now);
    }
    assert!(controller.present_rate() > before);
}

/// So many calls a second.
fn limited_to(calls: f64) -> Rate {
    let rate = Rate::default();
    rate.change(|controller, now| controller.set(calls, now));
    rate
}

#[tokio::test(start_paused = true)]
async fn callers_go_in_their_order_at_the_rate() {
    let rate = limited_to(20.0);
    let mut last = Instant::now();
    let callers = [(); 5].map(|()| {
        let rate = rate.clone();
        tokio::spawn(async move {
            rate.turn().await;
            Instant::now()
        })
    });
    for caller in callers {
        let went = caller.await.unwrap();
        let after = went - last;
        assert!(after >= Duration::from_millis(60), "{after:?}");
        last = went;
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits_is_woken_by_a_greater_rate() {
    let rate = limited_to(4.0);
    let begun = Instant::now();
    let waiting = rate.clone();
    let caller = tokio::spawn(async move { waiting.turn().await });
    tokio::time::sleep(Duration::from_millis(10)).await;
    rate.change(|controller, now| controller.set(1_000.0, now));
    caller.await.unwrap();
    assert!(begun.elapsed() < Duration::from_millis(20));
}
