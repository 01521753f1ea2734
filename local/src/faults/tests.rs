//! Which calls a rule applies to.

use std::time::Duration;

use super::*;
use crate::calls::Service;

fn call(operation: &str) -> Call {
    let (parts, ()) = hyper::Request::new(()).into_parts();
    Call {
        service: Service::CodeCommit,
        operation: operation.to_owned(),
        detail: "demo:src/main.rs".to_owned(),
        ..Call::arrived(&parts)
    }
}

/// Which of the next calls the only rule applies to.
fn hits(faults: &Faults, calls: usize) -> Vec<bool> {
    let call = |_| !faults.on_call(&call("GetFile")).is_empty();
    (0..calls).map(call).collect()
}

/// What applies to the next call.
fn actions(faults: &Faults) -> Vec<Action> {
    let faults = faults.on_call(&call("GetFile"));
    faults.into_iter().map(|fault| fault.action).collect()
}

fn reset() -> Rule {
    Rule::new(Action::ResetBefore)
}

#[test]
fn a_rule_applies_to_the_calls_it_names() {
    let faults = Faults::new(Clock::default());
    let named = reset().on(Service::CodeCommit).operation("GetFile");
    for (rule, expected) in [
        (reset(), true),
        (named.about("src/"), true),
        (reset().on(Service::S3), false),
        (reset().operation("GetFolder"), false),
        (reset().about("lib.rs"), false),
        (reset().by_function(), false),
    ] {
        faults.clear();
        faults.add(rule.clone());
        assert_eq!(hits(&faults, 1), [expected], "{rule:?}");
    }
}

#[test]
fn a_rule_counts_its_own_calls() {
    let faults = Faults::new(Clock::default());
    let id = faults.add(reset().operation("GetFile").between(2, 3));
    faults.on_call(&call("GetFolder"));
    assert_eq!(hits(&faults, 5), [false, true, true, false, false]);
    let fired = faults.fired(id).unwrap();
    assert_eq!((fired.seen, fired.fired), (5, 2));
    faults.clear();
    faults.add(reset().times(2));
    assert_eq!(hits(&faults, 4), [true, true, false, false]);
}

#[test]
fn the_same_seed_draws_the_same_calls() {
    let faults = Faults::new(Clock::default());
    let draw = |seed| {
        faults.clear();
        faults.add(reset().chance(0.3, seed));
        hits(&faults, 1000)
    };
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
    let share = draw(7).iter().filter(|hit| **hit).count();
    assert!((250..350).contains(&share), "{share}");
}

#[test]
fn a_rule_ends_on_the_clock() {
    let clock = Clock::still();
    let faults = Faults::new(clock.clone());
    faults.add(reset().until(Duration::from_mins(1)));
    assert_eq!(hits(&faults, 1), [true]);
    clock.advance(Duration::from_mins(1));
    assert_eq!(hits(&faults, 1), [false]);
}

#[test]
fn a_rate_cap_lets_one_seconds_calls_through_and_then_its_rate() {
    let faults = Faults::new(Clock::default());
    let (per_second, shape) = (5.0, Shape::Json);
    faults.add(Rule::new(Action::RateCap { per_second, shape }));
    let throttled = hits(&faults, 10).into_iter().filter(|hit| *hit).count();
    assert!((4..=5).contains(&throttled), "{throttled}");
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(hits(&faults, 1), [false]);
}

#[test]
fn a_call_ends_once_and_every_rule_still_counts_it() {
    let faults = Faults::new(Clock::default());
    let (ms, jitter_ms) = (1, 0);
    let latency = Action::Latency { ms, jitter_ms };
    faults.add(Rule::new(latency.clone()));
    faults.add(reset().times(1));
    let late = faults.add(Rule::new(Action::ResetAfter));
    assert_eq!(actions(&faults), [latency.clone(), Action::ResetBefore]);
    assert_eq!(actions(&faults), [latency, Action::ResetAfter]);
    let late = faults.fired(late).unwrap();
    assert_eq!((late.seen, late.fired), (2, 1));
}

#[test]
fn no_other_fault_takes_a_call_from_a_kill() {
    let faults = Faults::new(Clock::default());
    faults.add(reset());
    faults.add(Rule::new(Action::KillAfter).nth(2));
    assert_eq!(actions(&faults), [Action::ResetBefore]);
    assert_eq!(actions(&faults), [Action::KillAfter]);
}

#[test]
fn the_example_in_the_documentation_reads_and_a_misspelt_rule_is_refused() {
    let lines = include_str!("../faults.rs").lines();
    let example = lines.skip_while(|line| !line.contains("```json")).skip(1);
    let example = example.take_while(|line| !line.contains("```"));
    let example: String = example.map(|line| line.trim_start_matches("//!")).collect();
    let rules: Vec<Rule> = serde_json::from_str(&example).unwrap();
    assert_eq!(rules.len(), 13);
    let mut kill = Rule::kill_before(12);
    kill.when.times = None;
    assert_eq!(rules[12], kill);
    for misspelt in [
        r#"{"when": {"servce": "s3"}, "do": "reset-before"}"#,
        r#"{"do": {"stall": {"after": 1}}}"#,
    ] {
        assert!(serde_json::from_str::<Rule>(misspelt).is_err());
    }
}
