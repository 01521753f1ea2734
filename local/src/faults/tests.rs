//! Which calls a rule applies to.

use std::time::Duration;

use super::*;
use crate::calls::Service;

fn call(operation: &str) -> Subject<'_> {
    Subject {
        service: Service::CodeCommit,
        operation,
        detail: "demo:src/main.rs",
        access_key_id: Some("LOCAL"),
    }
}

/// Which of the next calls the only rule applies to.
fn hits(faults: &Faults, calls: usize) -> Vec<bool> {
    (0..calls)
        .map(|_| !faults.on_call(&call("GetFile")).is_empty())
        .collect()
}

#[test]
fn a_rule_applies_to_the_calls_it_names() {
    let faults = Faults::new(Clock::default());
    let rules = [
        (Rule::new(Action::ResetBefore), true),
        (
            Rule::new(Action::ResetBefore)
                .on(Service::CodeCommit)
                .operation("GetFile")
                .about("src/"),
            true,
        ),
        (Rule::new(Action::ResetBefore).on(Service::S3), false),
        (Rule::new(Action::ResetBefore).operation("GetFolder"), false),
        (Rule::new(Action::ResetBefore).about("lib.rs"), false),
        (Rule::new(Action::ResetBefore).by_function(), false),
    ];
    for (rule, expected) in rules {
        faults.clear();
        faults.add(rule.clone());
        assert_eq!(hits(&faults, 1), [expected], "{rule:?}");
    }
}

#[test]
fn a_rule_counts_its_own_calls() {
    let faults = Faults::new(Clock::default());
    let id = faults.add(
        Rule::new(Action::ResetBefore)
            .operation("GetFile")
            .between(2, 3),
    );
    faults.on_call(&call("GetFolder"));
    assert_eq!(hits(&faults, 5), [false, true, true, false, false]);
    let name = "ResetBefore".to_owned();
    assert_eq!(
        faults.fired(id),
        Some(Firings {
            name,
            seen: 5,
            fired: 2
        })
    );
    faults.clear();
    faults.add(Rule::new(Action::ResetBefore).times(2));
    assert_eq!(hits(&faults, 4), [true, true, false, false]);
}

#[test]
fn the_same_seed_draws_the_same_calls() {
    let faults = Faults::new(Clock::default());
    let draw = |seed| {
        faults.clear();
        faults.add(Rule::new(Action::ResetBefore).chance(0.3, seed));
        hits(&faults, 1000)
    };
    assert_eq!(draw(7), draw(7));
    assert_ne!(draw(7), draw(8));
    let share = draw(7).iter().filter(|hit| **hit).count();
    assert!((250..350).contains(&share), "{share}");
}

#[test]
fn a_window_opens_and_closes_on_the_clock() {
    let clock = Clock::default();
    let faults = Faults::new(clock.clone());
    faults
        .add(Rule::new(Action::ResetBefore).window(Duration::from_mins(1), Duration::from_mins(2)));
    assert_eq!(hits(&faults, 1), [false]);
    clock.advance(Duration::from_secs(61));
    assert_eq!(hits(&faults, 1), [true]);
    clock.advance(Duration::from_mins(1));
    assert_eq!(hits(&faults, 1), [false]);
}

#[test]
fn a_rate_cap_lets_its_burst_through_and_then_its_rate() {
    let faults = Faults::new(Clock::default());
    faults.add(Rule::new(Action::RateCap {
        per_second: 20.0,
        burst: Some(5.0),
        shape: Shape::Json,
    }));
    let throttled = hits(&faults, 10).into_iter().filter(|hit| *hit).count();
    assert!((4..=5).contains(&throttled), "{throttled}");
    std::thread::sleep(Duration::from_millis(120));
    assert_eq!(hits(&faults, 1), [false]);
}

#[test]
fn a_call_ends_once_and_every_rule_still_counts_it() {
    let faults = Faults::new(Clock::default());
    faults.add(Rule::new(Action::Latency {
        ms: 1,
        jitter_ms: 0,
    }));
    faults.add(Rule::new(Action::ResetBefore).times(1));
    let late = faults.add(Rule::new(Action::ResetAfter));
    let names = |faults: &[Fault]| {
        faults
            .iter()
            .map(|fault| fault.action.clone())
            .collect::<Vec<_>>()
    };
    let latency = Action::Latency {
        ms: 1,
        jitter_ms: 0,
    };
    assert_eq!(
        names(&faults.on_call(&call("GetFile"))),
        [latency.clone(), Action::ResetBefore]
    );
    assert_eq!(
        names(&faults.on_call(&call("GetFile"))),
        [latency, Action::ResetAfter]
    );
    assert_eq!(
        faults
            .fired(late)
            .map(|firings| (firings.seen, firings.fired)),
        Some((2, 1))
    );
}

#[test]
fn no_other_fault_takes_a_call_from_a_kill() {
    let faults = Faults::new(Clock::default());
    faults.add(Rule::new(Action::ResetBefore));
    faults.add(Rule::new(Action::KillAfter).nth(2));
    let applied = |faults: &Faults| faults.on_call(&call("GetFile")).remove(0).action;
    assert_eq!(applied(&faults), Action::ResetBefore);
    assert_eq!(applied(&faults), Action::KillAfter);
}

#[test]
fn the_example_in_the_documentation_reads() {
    let source = include_str!("../faults.rs");
    let example: String = source
        .lines()
        .skip_while(|line| !line.contains("```json"))
        .skip(1)
        .take_while(|line| !line.contains("```"))
        .map(|line| line.trim_start_matches("//!"))
        .collect();
    let rules: Vec<Rule> = serde_json::from_str(&example).unwrap();
    assert_eq!(rules.len(), 13);
    assert_eq!(
        rules[12],
        Rule {
            when: When {
                times: None,
                ..Rule::kill_before(12).when
            },
            ..Rule::kill_before(12)
        }
    );
}

#[test]
fn a_misspelt_rule_is_refused() {
    let misspelt = r#"[{"when": {"servce": "s3"}, "do": "reset-before"}]"#;
    assert!(serde_json::from_str::<Vec<Rule>>(misspelt).is_err());
    assert!(serde_json::from_str::<Vec<Rule>>(r#"[{"do": {"stall": {"after": 1}}}]"#).is_err());
}
