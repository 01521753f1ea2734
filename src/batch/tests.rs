use std::sync::Mutex;

use super::*;
use crate::error::{CallError, Cause};
use crate::event::{ReferenceKind, Skip};
use serde_json::json;

/// Does what the pushes' event ids say and keeps a record of it. `fail`, `deny`, `reject` and `panic`
/// do so; `slow` takes ten seconds.
#[derive(Default)]
struct Script {
    max_receive_count: Option<u32>,
    worked: Mutex<Vec<String>>,
    /// Message id, outcome, and whether the work came to its own end.
    reported: Mutex<Vec<(String, &'static str, bool)>>,
}

impl Work for Script {
    /// Whether the work came to its own end.
    type Metrics = bool;

    async fn publish(self: Arc<Self>, push: Push, _: bool) -> (Outcome, bool) {
        let name = format!("{} {}", push.event_id, push.reference.short_name);
        self.worked.lock().unwrap().push(name);
        let outcome = match push.event_id.as_str() {
            "fail" => Err(CallError::sample(Cause::Unavailable).into()),
            "deny" => Err(CallError::sample(Cause::Denied).into()),
            "reject" => Err(crate::event::parse("").unwrap_err().into()),
            "panic" => panic!("a test's panic"),
            "slow" => {
                tokio::time::sleep(Duration::from_secs(10)).await;
                Ok(Done::Forwarded)
            }
            "skip" => Ok(Done::Skipped(Skip::UnreferencedMergeCommit)),
            _ => Ok(Done::Forwarded),
        };
        (outcome, true)
    }

    async fn max_receive_count(&self) -> Option<u32> {
        self.max_receive_count
    }

    fn report(&self, message: &Message, outcome: &Outcome, ended: bool) {
        let outcome = match outcome {
            Ok(Done::Skipped(_)) => "skipped",
            Ok(_) => "done",
            Err(_) => "failed",
        };
        let mut reported = self.reported.lock().unwrap();
        reported.push((message.id.clone(), outcome, ended));
    }
}

struct Ran {
    /// Ids and errors of the messages that failed.
    failed: Vec<String>,
    errors: Vec<String>,
    /// What was worked on, in order.
    worked: Vec<String>,
    reported: Vec<(String, &'static str, bool)>,
}

/// Works on pushes with these event ids and branches, whose messages' ids are their places.
async fn run_with(
    pushes: &[&str],
    time: Duration,
    receive_count: u32,
    max_receive_count: Option<u32>,
) -> Ran {
    let script = Arc::new(Script {
        max_receive_count,
        ..Script::default()
    });
    let received = |(place, push): (usize, &&str)| {
        let (event_id, branch) = push.split_once(' ').unwrap();
        Received {
            message: Message {
                receive_count,
                ..Message::sample(&place.to_string())
            },
            push: Push {
                event_id: event_id.to_owned(),
                ..Push::sample(ReferenceKind::Branch, branch)
            },
        }
    };
    let pushes = pushes.iter().enumerate().map(received).collect();
    let mut failures = handle(&script, pushes, 4, Instant::now() + time).await;
    failures.sort_by_key(|failure| failure.message.id.clone());
    let (worked, reported) = (&script.worked, &script.reported);
    Ran {
        failed: failures.iter().map(|it| it.message.id.clone()).collect(),
        errors: failures.iter().map(|it| it.error.to_string()).collect(),
        worked: worked.lock().unwrap().clone(),
        reported: reported.lock().unwrap().clone(),
    }
}

async fn run(pushes: &[&str]) -> Ran {
    run_with(pushes, Duration::from_mins(1), 1, Some(5)).await
}

#[tokio::test]
async fn of_more_lanes_than_run_at_once_one_fails_alone_and_each_keeps_its_order() {
    let pushes = [
        "1 a", "2 b", "3 c", "4 d", "5 e", "fail x", "6 a", "7 f", "8 a", "9 g",
    ];
    let ran = run(&pushes).await;
    assert_eq!(ran.failed, ["5"]);
    assert_eq!(ran.worked.len(), 10);
    let of_a = ran.worked.iter().filter(|name| name.ends_with('a'));
    assert!(of_a.eq(&["1 a", "6 a", "8 a"]), "{:?}", ran.worked);
}

#[tokio::test]
async fn each_message_is_reported_once_with_the_metrics_of_its_work() {
    let mut ran = run(&["ok a", "fail b", "3 b", "panic c", "skip d"]).await;
    ran.reported.sort();
    let expected = [
        ("0", "done", true),
        ("1", "failed", true),
        ("2", "failed", false),
        ("3", "failed", false),
        ("4", "skipped", true),
    ];
    let expected = expected.map(|(id, outcome, ended)| (id.to_owned(), outcome, ended));
    assert_eq!(ran.reported, expected);
    assert!(ran.errors[1].contains("earlier push of the same reference"));
    assert!(ran.errors[2].contains("a test's panic"), "{:?}", ran.errors);
}

#[tokio::test]
async fn behind_a_push_that_can_still_succeed_its_reference_waits_and_no_other_does() {
    // On the second of so many deliveries. Where the queue does not tell, order is kept.
    for (first, most, failed) in [
        ("fail a", Some(5), &["0", "1", "3"][..]),
        ("deny a", Some(5), &["0", "1", "3"]),
        ("panic a", Some(5), &["0", "1", "3"]),
        ("reject a", Some(5), &["0"]),
        ("skip a", Some(5), &[]),
        ("fail a", Some(2), &["0"]),
        ("fail a", Some(3), &["0", "1", "3"]),
        ("fail a", None, &["0", "1", "3"]),
    ] {
        let pushes = [first, "2 a", "3 b", "4 a"];
        let ran = run_with(&pushes, Duration::from_mins(1), 2, most).await;
        assert_eq!(ran.failed, failed, "{first} {most:?}");
        let untried = failed.len().saturating_sub(1);
        assert_eq!(ran.worked.len(), 4 - untried, "{first} {most:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_unfinished_at_the_end_is_reported_and_nothing_begins_that_cannot_end() {
    let pushes = ["slow a", "2 a", "3 b"];
    let ran = run_with(&pushes, Duration::from_secs(5), 1, None).await;
    assert_eq!(ran.failed, ["0", "1"]);
    assert!(ran.errors[0].contains("out of time"), "{:?}", ran.errors);

    let ran = run_with(&["1 a"], Duration::from_millis(500), 1, None).await;
    assert_eq!(ran.failed, ["0"]);
    assert!(ran.worked.is_empty());
}

#[test]
fn a_record_without_an_id_fails_the_batch_and_one_without_a_count_is_redelivered() {
    let read = |json| Message::of_record(3, serde_json::from_value(json).unwrap());
    for record in [json!({"body": "x"}), json!({"messageId": "", "body": "x"})] {
        let error = read(record).unwrap_err().to_string();
        assert!(error.contains("record 3") && error.contains("messageId"));
    }
    assert!(read(json!({"messageId": "m"})).unwrap().receive_count > 1);
}

#[test]
fn a_first_delivery_long_after_its_event_may_be_a_repeat() {
    let push = Push::sample(ReferenceKind::Branch, "main");
    // The clocks of two services differ: SQS may seem to have it before EventBridge sent it.
    for (receive_count, sent, expected) in [
        (1, Some(2), false),
        (1, Some(-3), false),
        (2, Some(2), true),
        (1, Some(61), true),
        (1, None, true),
    ] {
        let message = Message {
            receive_count,
            sent: sent.map(|sent| push.time + time::Duration::seconds(sent)),
            ..Message::sample("m")
        };
        assert_eq!(message.may_be_repeated(&push), expected, "{sent:?}");
    }
}
