use std::sync::Mutex;

use super::*;
use crate::error::{CallError, Cause};
use crate::event::{ReferenceKind, Skip};
use aws_lambda_events::event::sqs::SqsMessage;

/// The body of a test's message: what to do, on which branch. `fail`, `deny`, `refuse` and `panic` do so;
/// `slow` takes ten seconds; `skip` and `bad` are the reader's.
fn message(id: &str, body: &str, receive_count: u32) -> Message {
    Message {
        receive_count,
        body: body.to_owned(),
        ..Message::sample(id)
    }
}

fn read(body: &str) -> Result<Request, BadMessage> {
    let (word, branch) = body.split_once(' ').unwrap_or((body, ""));
    match word {
        "bad" => Err(crate::event::parse("not JSON").unwrap_err()),
        "skip" => Ok(Request::Skip(Skip::UnreferencedMergeCommit)),
        _ => Ok(Request::Build(Push {
            event_id: word.to_owned(),
            ..Push::sample(ReferenceKind::Branch, branch)
        })),
    }
}

fn call_error(cause: Cause) -> Error {
    Error::Call(CallError {
        call: "S3 PutObject",
        about: "b/k".to_owned(),
        cause,
        code: None,
        message: String::new(),
        request_id: None,
    })
}

/// Does what the messages say and keeps a record of it.
struct Script {
    max_receive_count: Option<u32>,
    worked: Mutex<Vec<String>>,
    reported: Mutex<Vec<(String, &'static str, bool)>>,
}

impl Work for Script {
    /// Whether the work came to its own end.
    type Metrics = bool;

    fn read(&self, body: &str) -> Result<Request, BadMessage> {
        read(body)
    }

    async fn publish(self: Arc<Self>, push: Push, _: bool) -> (Result<Completed, Error>, bool) {
        let name = format!("{} {}", push.event_id, push.reference.short_name);
        self.worked.lock().unwrap().push(name);
        let outcome = match push.event_id.as_str() {
            "fail" => Err(call_error(Cause::Unavailable)),
            "deny" => Err(call_error(Cause::Denied)),
            "refuse" => Err(Error::Refused {
                commit: push.commit,
                why: "a test's reason".to_owned(),
            }),
            "panic" => panic!("a test's panic"),
            "slow" => {
                tokio::time::sleep(Duration::from_secs(10)).await;
                Ok(Completed::Built)
            }
            "projectless" => Ok(Completed::Skipped(Skip::UnreferencedMergeCommit)),
            _ => Ok(Completed::Built),
        };
        (outcome, true)
    }

    async fn max_receive_count(&self) -> Option<u32> {
        self.max_receive_count
    }

    fn report(&self, message: &Message, outcome: MessageOutcome<'_>, ended: bool) {
        let outcome = match outcome {
            MessageOutcome::Done(_) => "done",
            MessageOutcome::Forwarded(_) => "forwarded",
            MessageOutcome::Skipped(_) => "skipped",
            MessageOutcome::Failed(Some(_), _) => "failed",
            MessageOutcome::Failed(None, _) => "bad",
        };
        let mut reported = self.reported.lock().unwrap();
        reported.push((message.id.clone(), outcome, ended));
    }
}

struct Ran {
    /// Failed message ids in order.
    failed: Vec<String>,
    errors: Vec<String>,
    /// What was worked on, in order.
    worked: Vec<String>,
    /// Message id, outcome, and whether the work came to its own end.
    reported: Vec<(String, &'static str, bool)>,
}

async fn run_with(messages: Vec<Message>, time: Duration, max_receive_count: Option<u32>) -> Ran {
    let script = Arc::new(Script {
        max_receive_count,
        worked: Mutex::default(),
        reported: Mutex::default(),
    });
    let failures = handle(&script, messages, Instant::now() + time).await;
    let (worked, reported) = (&script.worked, &script.reported);
    Ran {
        failed: failures
            .iter()
            .map(|failure| failure.message.id.clone())
            .collect(),
        errors: failures
            .iter()
            .map(|failure| failure.error.to_string())
            .collect(),
        worked: worked.lock().unwrap().clone(),
        reported: reported.lock().unwrap().clone(),
    }
}

async fn run(bodies: &[&str]) -> Ran {
    let messages = bodies
        .iter()
        .enumerate()
        .map(|(number, body)| message(&number.to_string(), body, 1))
        .collect();
    run_with(messages, Duration::from_mins(1), Some(5)).await
}

#[tokio::test]
async fn a_batch_without_failure_reports_none() {
    let ran = run(&["ok a", "ok b", "skip"]).await;
    assert!(ran.failed.is_empty());
    assert_eq!(ran.worked.len(), 2);
}

#[tokio::test]
async fn a_bad_message_in_the_middle_fails_alone() {
    let ran = run(&[
        "1 a", "2 b", "3 c", "4 d", "5 e", "bad", "6 a", "7 b", "8 c", "9 d",
    ])
    .await;
    assert_eq!(ran.failed, ["5"]);
    assert_eq!(ran.worked.len(), 9);
}

#[tokio::test]
async fn each_message_is_reported_once_with_the_metrics_of_its_work() {
    let mut ran = run(&[
        "ok a",
        "fail b",
        "3 b",
        "panic c",
        "skip",
        "bad",
        "projectless d",
    ])
    .await;
    ran.reported.sort();
    let expected = [
        ("0", "done", true),
        ("1", "failed", true),
        ("2", "failed", false),
        ("3", "failed", false),
        ("4", "skipped", false),
        ("5", "bad", false),
        ("6", "skipped", true),
    ];
    let expected = expected.map(|(id, outcome, ended)| (id.to_owned(), outcome, ended));
    assert_eq!(ran.reported, expected);
}

#[tokio::test]
async fn pushes_of_one_reference_are_worked_on_in_order() {
    let ran = run(&["1 a", "2 a", "3 b", "4 a"]).await;
    let of_a: Vec<_> = ran
        .worked
        .iter()
        .filter(|name| name.ends_with('a'))
        .collect();
    assert_eq!(of_a, ["1 a", "2 a", "4 a"]);
}

#[tokio::test]
async fn after_a_failure_the_rest_of_its_reference_is_returned_untried_and_others_go_on() {
    let ran = run(&["fail a", "2 a", "3 b", "4 a"]).await;
    assert_eq!(ran.failed, ["0", "1", "3"]);
    assert_eq!(ran.worked.len(), 2, "{:?}", ran.worked);
    assert!(ran.errors[1].contains("earlier push of the same reference"));
}

#[tokio::test]
async fn a_rejected_push_holds_nobody_up() {
    let ran = run(&["refuse a", "2 a", "3 a"]).await;
    assert_eq!(ran.failed, ["0"]);
    assert_eq!(ran.worked, ["refuse a", "2 a", "3 a"]);
}

#[tokio::test]
async fn nobody_overtakes_a_push_that_lacks_a_permission() {
    let ran = run(&["deny a", "2 a", "3 b"]).await;
    assert_eq!(ran.failed, ["0", "1"]);
}

#[tokio::test]
async fn a_push_that_failed_for_the_last_time_holds_nobody_up() {
    let lane = || vec![message("m1", "fail a", 2), message("m2", "ok a", 2)];
    let ran = run_with(lane(), Duration::from_mins(1), Some(2)).await;
    assert_eq!((ran.failed, ran.worked.len()), (vec!["m1".to_owned()], 2));

    let ran = run_with(lane(), Duration::from_mins(1), Some(3)).await;
    assert_eq!(ran.failed, ["m1", "m2"]);

    // Where the queue does not tell, order is kept.
    let ran = run_with(lane(), Duration::from_mins(1), None).await;
    assert_eq!(ran.failed, ["m1", "m2"]);
}

#[tokio::test]
async fn a_panic_is_one_messages_failure() {
    let ran = run(&["1 a", "panic b", "3 c"]).await;
    assert_eq!(ran.failed, ["1"]);
    assert!(ran.errors[0].contains("a test's panic"), "{:?}", ran.errors);
    assert_eq!(ran.worked.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_unfinished_at_the_end_is_reported_and_what_is_finished_is_not() {
    let messages = vec![
        message("m1", "slow a", 1),
        message("m2", "2 a", 1),
        message("m3", "3 b", 1),
    ];
    let ran = run_with(messages, Duration::from_secs(5), Some(5)).await;
    assert_eq!(ran.failed, ["m1", "m2"]);
    assert!(ran.errors[0].contains("out of time"), "{:?}", ran.errors);
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_that_cannot_end() {
    let messages = vec![message("m1", "1 a", 1)];
    let ran = run_with(messages, Duration::from_millis(500), Some(5)).await;
    assert_eq!(ran.failed, ["m1"]);
    assert!(ran.worked.is_empty());
}

#[tokio::test]
async fn more_references_than_run_at_once_are_all_worked_on() {
    let bodies: Vec<String> = (0..10).map(|n| format!("{n} branch-{n}")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let ran = run(&bodies).await;
    assert!(ran.failed.is_empty());
    assert_eq!(ran.worked.len(), 10);
}

fn record(json: serde_json::Value) -> SqsMessage {
    serde_json::from_value(json).unwrap()
}

#[test]
fn a_record_without_an_id_fails_the_batch() {
    let error = Message::of_record(3, record(serde_json::json!({"body": "x"}))).unwrap_err();
    assert!(error.to_string().contains("record 3") && error.to_string().contains("messageId"));
    let empty = record(serde_json::json!({"messageId": "", "body": "x"}));
    assert!(Message::of_record(0, empty).is_err());
}

#[test]
fn a_record_without_a_receive_count_counts_as_redelivered() {
    let read = Message::of_record(0, record(serde_json::json!({"messageId": "m"}))).unwrap();
    assert!(read.receive_count > 1);
}

#[test]
fn a_first_delivery_long_after_its_event_may_be_a_repeat() {
    let Ok(Request::Build(push)) = read("build main") else {
        panic!("this is a push");
    };
    let may_be_repeated = |receive_count, sent: Option<i64>| {
        let sent = sent.map(|sent| push.time + time::Duration::seconds(sent));
        let message = Message {
            sent,
            ..message("m", "", receive_count)
        };
        message.may_be_repeated(&push)
    };
    assert!(!may_be_repeated(1, Some(2)));
    assert!(may_be_repeated(2, Some(2)));
    assert!(may_be_repeated(1, Some(61)));
    assert!(may_be_repeated(1, None));
    // The clocks of two services differ.
    assert!(!may_be_repeated(1, Some(-3)));
}
