//! A toy function behind a queue.

use serde_json::Value;

use super::*;
use crate::clock::Clock;
use crate::lambda::{FunctionLog, FunctionOptions};
use crate::sqs::QueueOptions;

struct Mapped {
    clock: Clock,
    sqs: Sqs,
    url: String,
    dead: String,
    mapping: EventSourceMapping,
}

/// A queue that holds `bodies`, each in the group named with it, and then the mapping.
fn mapped(options: MappingOptions, bodies: &[(&str, Value)]) -> Mapped {
    let clock = Clock::default();
    let sqs = Sqs::new(clock.clone(), "eu-west-1", "000000000000");
    let dead = sqs
        .create_queue("dead.fifo", QueueOptions::default())
        .unwrap();
    let queue = QueueOptions {
        dead_letter: Some((sqs.arn(&dead), 2)),
        ..QueueOptions::default()
    };
    let url = sqs.create_queue("pushes.fifo", queue).unwrap();
    for (group, body) in bodies {
        sqs.send(&url, &body.to_string(), group).unwrap();
    }
    let mut function = FunctionOptions::new("python3");
    function.args = vec![concat!(env!("CARGO_MANIFEST_DIR"), "/src/lambda/toy.py").to_owned()];
    function.timeout = Duration::from_secs(20);
    let mapping = EventSourceMapping::start(
        sqs.clone(),
        &url,
        Function::new(function, FunctionLog::new(false)),
        options,
    );
    Mapped {
        clock,
        sqs,
        url,
        dead,
        mapping,
    }
}

impl Mapped {
    async fn outcome(&self, count: usize) -> Vec<BatchOutcome> {
        for _ in 0..2000 {
            let outcomes = self.mapping.outcomes();
            if outcomes.len() >= count {
                return outcomes;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no {count} batches: {:?}", self.mapping.outcomes());
    }
}

#[tokio::test]
async fn only_reported_messages_stay() {
    let order = |n, fail| json!({"do": "fail", "n": n, "fail": fail});
    let bodies = [
        ("a", order(1, false)),
        ("b", order(2, true)),
        ("c", order(3, false)),
    ];
    let mapped = mapped(MappingOptions::default(), &bodies);
    let outcome = mapped.outcome(1).await.remove(0);
    assert_eq!(
        outcome.deleted,
        [&*outcome.message_ids[0], &*outcome.message_ids[2]]
    );
    assert_eq!(outcome.kept, [&*outcome.message_ids[1]]);
    let left = mapped.sqs.messages(&mapped.url);
    assert_eq!(
        (left.len(), left[0].in_flight),
        (1, true),
        "invisible until its timeout ends"
    );
}

#[tokio::test]
async fn without_report_batch_item_failures_a_list_of_failures_means_nothing() {
    let options = MappingOptions {
        report_batch_item_failures: false,
        ..MappingOptions::default()
    };
    let mapped = mapped(options, &[("a", json!({"do": "fail", "fail": true}))]);
    let outcome = mapped.outcome(1).await.remove(0);
    assert_eq!((outcome.deleted.len(), outcome.response), (1, None));
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_an_error_and_a_death_delete_nothing() {
    let bodies = [
        (
            "a",
            json!({"do": "answer", "answer": "{\"batchItemFailures\":[{\"itemIdentifier\":\"\"}]}"}),
        ),
        ("b", json!({"do": "error"})),
        ("c", json!({"do": "die"})),
    ];
    let options = MappingOptions {
        batch_size: 1,
        ..MappingOptions::default()
    };
    let mapped = mapped(options, &bodies);
    for outcome in mapped.outcome(3).await {
        assert_eq!(
            (outcome.deleted.len(), outcome.kept.len()),
            (0, 1),
            "{outcome:?}"
        );
    }
    assert_eq!(mapped.sqs.messages(&mapped.url).len(), 3);
}

#[tokio::test]
async fn what_keeps_failing_is_delivered_again_and_then_dead() {
    let mapped = mapped(MappingOptions::default(), &[("a", json!({"do": "error"}))]);
    for delivery in 1..=2 {
        mapped.outcome(delivery).await;
        mapped.clock.advance(Duration::from_secs(31));
    }
    for _ in 0..500 {
        if !mapped.sqs.is_empty(&mapped.dead) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(mapped.sqs.messages(&mapped.dead).len(), 1);
    assert!(mapped.sqs.is_empty(&mapped.url));
    assert_eq!(mapped.mapping.outcomes().len(), 2);
}

#[tokio::test]
async fn groups_run_side_by_side_and_a_group_one_batch_at_a_time() {
    let order = |n: u32| json!({"do": "sleep", "s": 0.3, "n": n});
    let bodies = [("a", order(1)), ("a", order(2)), ("b", order(3))];
    let options = MappingOptions {
        batch_size: 1,
        ..MappingOptions::default()
    };
    let mapped = mapped(options, &bodies);
    let mut most = 0;
    while mapped.mapping.outcomes().len() < 3 {
        most = most.max(mapped.mapping.in_flight());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(most, 2);
}
