use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::error::{CallError, Cause};
use crate::event::{ReferenceKind, Skip};
use serde_json::json;

/// Does what the event id of a push says: `fail`, `deny`, `reject`, `skip` and `panic` do so; `slow`
/// takes ten seconds.
#[derive(Default)]
struct Script {
    max_receive_count: Option<u32>,
    /// The pushes that were worked on, in order.
    worked: Mutex<Vec<String>>,
    /// What became of each message, by its place.
    reported: Mutex<BTreeMap<String, &'static str>>,
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
            "skip" => Ok(Done::Skipped(Skip::UnreferencedMergeCommit)),
            "panic" => panic!("a test's panic"),
            "slow" => {
                tokio::time::sleep(Duration::from_secs(10)).await;
                Ok(Done::Forwarded)
            }
            _ => Ok(Done::Forwarded),
        };
        (outcome, true)
    }

    async fn max_receive_count(&self) -> Option<u32> {
        self.max_receive_count
    }

    fn report(&self, message: &Message, outcome: &Outcome, has_metrics: bool) {
        let (word, ended) = match outcome {
            Ok(Done::Skipped(_)) => ("skipped", true),
            Ok(_) => ("done", true),
            Err(Error::BehindFailure) => ("behind", false),
            Err(Error::NotBegun) => ("unbegun", false),
            Err(Error::OutOfTime(_)) => ("late", false),
            Err(Error::Panicked(why)) if why == "a test's panic" => ("panicked", false),
            Err(_) => ("failed", true),
        };
        assert_eq!(has_metrics, ended, "{word}");
        let mut reported = self.reported.lock().unwrap();
        let earlier = reported.insert(message.id.clone(), word);
        assert_eq!(earlier, None, "a message is reported once");
    }
}

/// Works on pushes, each an event id and a branch, on their second delivery. Answers what became of
/// each, and which were worked on, in order.
async fn run(pushes: &[&str], most: Option<u32>, time: Duration) -> (String, Vec<String>) {
    let script = Arc::new(Script {
        max_receive_count: most,
        ..Script::default()
    });
    let received = |(place, push): (usize, &&str)| {
        let (event_id, branch) = push.split_once(' ').unwrap();
        Received {
            message: Message {
                receive_count: 2,
                ..Message::sample(&place.to_string())
            },
            push: Push {
                event_id: event_id.to_owned(),
                ..Push::sample(ReferenceKind::Branch, branch)
            },
        }
    };
    let pushes = pushes.iter().enumerate().map(received).collect();
    let failures = handle(&script, pushes, 4, Instant::now() + time).await;
    let mut failed: Vec<_> = failures.into_iter().map(|it| it.message.id).collect();
    failed.sort();
    let reported = script.reported.lock().unwrap();
    let is_failure = |word| !matches!(word, "done" | "skipped");
    let expected = reported.iter().filter(|(_, word)| is_failure(**word));
    assert!(failed.iter().eq(expected.map(|(id, _)| id)), "{failed:?}");
    let words: Vec<_> = reported.values().copied().collect();
    (words.join(" "), script.worked.lock().unwrap().clone())
}

#[tokio::test]
async fn of_more_lanes_than_run_at_once_one_fails_alone_and_each_keeps_its_order() {
    let pushes = [
        "1 a", "2 b", "3 c", "4 d", "5 e", "fail x", "6 a", "7 f", "8 a", "9 g",
    ];
    let (words, worked) = run(&pushes, Some(5), Duration::from_mins(1)).await;
    assert_eq!(words, "done done done done done failed done done done done");
    assert_eq!(worked.len(), 10);
    let of_a = worked.iter().filter(|name| name.ends_with('a'));
    assert!(of_a.eq(&["1 a", "6 a", "8 a"]), "{worked:?}");
}

#[tokio::test(start_paused = true)]
async fn behind_a_push_that_can_still_succeed_its_reference_waits_and_no_other_does() {
    for (first, most, expected) in [
        ("fail a", Some(5), "failed behind done behind"),
        ("deny a", Some(5), "failed behind done behind"),
        ("panic a", Some(5), "panicked behind done behind"),
        ("slow a", Some(5), "late behind done behind"),
        ("reject a", Some(5), "failed done done done"),
        ("skip a", Some(5), "skipped done done done"),
        ("fail a", Some(3), "failed behind done behind"),
        // This was its last delivery.
        ("fail a", Some(2), "failed done done done"),
        // Where the queue does not tell, order is kept.
        ("fail a", None, "failed behind done behind"),
    ] {
        let pushes = [first, "ok a", "ok b", "ok a"];
        let (words, worked) = run(&pushes, most, Duration::from_secs(5)).await;
        assert_eq!(words, expected, "{first} {most:?}");
        let behind = words.matches("behind").count();
        assert_eq!(worked.len(), 4 - behind, "{first} {most:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_push_is_begun_with_too_little_time() {
    let ran = run(&["ok a"], None, Duration::from_millis(500)).await;
    assert_eq!(ran, ("unbegun".to_owned(), Vec::new()));
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
        assert_eq!(message.counts_as_redelivered(&push), expected, "{sent:?}");
    }
}
