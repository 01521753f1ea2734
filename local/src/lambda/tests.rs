//! A function that is a script, behind a real queue: what its batches come to.

use std::time::Duration;

use super::*;
use crate::clock::Clock;
use crate::sqs::{QueueOptions, Sqs};

/// Answers with the body of the batch's last message, or does what that says.
const FUNCTION: &str = r#"
import json, os, time, urllib.request
api = "http://%s/2018-06-01/runtime/invocation/" % os.environ["AWS_LAMBDA_RUNTIME_API"]
while True:
    with urllib.request.urlopen(api + "next") as due:
        request, records = due.headers["Lambda-Runtime-Aws-Request-Id"], json.load(due)["Records"]
    said = records[-1]["body"].replace("FIRST", records[0]["messageId"])
    if said == "hang":
        time.sleep(600)
    if said == "exit":
        os._exit(1)
    kind = "error" if said == "fail" else "response"
    urllib.request.urlopen(api + request + "/" + kind, said.encode())
"#;

/// What becomes of two messages of one group, of which the second says what the function does.
async fn outcome(second: &str) -> BatchOutcome {
    let sqs = Sqs::new(Clock::still(), "http://x");
    let url = sqs.create_queue("q.fifo", QueueOptions::default());
    for body in ["first", second] {
        sqs.send(&url, body, "group").unwrap();
    }
    let mut options = DeployOptions::new("python3");
    options.args = ["-c", FUNCTION].map(str::to_owned).into();
    options.timeout = Duration::from_secs(if second == "hang" { 1 } else { 60 });
    let function = Function::new(Handler::Publish, options, FunctionLog::default());
    let mapping = EventSourceMapping::start(sqs.clone(), &url, function.into());
    while mapping.ended() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let outcome = mapping.outcomes().remove(0);
    let left = sqs.messages(&url).into_iter();
    let left: Vec<_> = left.map(|message| message.message_id).collect();
    assert_eq!(
        left, outcome.kept,
        "in their order, and invisible until their time is over"
    );
    outcome
}

#[tokio::test]
async fn messages_leave_the_queue_only_where_the_answer_says_that_they_are_handled() {
    for (second, deleted) in [
        ("{}", 2),
        (r#"{"batchItemFailures": [{"itemIdentifier": "FIRST"}]}"#, 1),
        ("no JSON", 0),
        ("fail", 0),
    ] {
        let outcome = outcome(second).await;
        assert_eq!(outcome.message_ids.len(), 2, "{second}");
        assert_eq!(outcome.deleted.len(), deleted, "{second}: {outcome:?}");
    }
    assert!(matches!(
        outcome("exit").await.invocation,
        Invocation::Died(_)
    ));
    assert_eq!(outcome("hang").await.invocation, Invocation::TimedOut);
}
