mod documentation;

use std::time::Duration;

use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::aws::s3::Stored;
use crate::event::{Push, ReferenceKind, Skip};
use crate::publish::PushOutcome;

const EVENT: &str = r#"{"id":"e1","source":"aws.codecommit","region":"eu-west-1",
    "account":"111122223333","detail":{"event":"referenceDeleted","repositoryName":"shop",
    "referenceFullName":"refs/heads/gone"}}"#;

fn push() -> Push {
    Push::sample(ReferenceKind::Branch, "feature/x")
}

fn line(outcome: MessageOutcome<'_>, metrics: Metrics) -> Value {
    let reporter = Reporter {
        function_name: "pushbuild".to_owned(),
        request_id: "r1".to_owned(),
    };
    let message = Message {
        receipt_handle: "not for the log".to_owned(),
        sent: Some(datetime!(2026-01-02 03:04:05.25 UTC)),
        receive_count: 2,
        body: EVENT.to_owned(),
        ..Message::sample("m1")
    };
    let at = datetime!(2026-01-02 03:04:06 UTC).into();
    let line = reporter.document(&message, outcome, metrics, at);
    let text = String::from_utf8(line).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    assert!(text.ends_with('\n'), "{text}");
    assert!(!text.contains("not for the log"));
    serde_json::from_str(&text).unwrap()
}

fn built() -> Metrics {
    Metrics {
        begun: Some(datetime!(2026-01-02 03:04:05.75 UTC)),
        published: Some(Published {
            outcome: PushOutcome::Built,
            build_id: "shop:1".to_owned(),
            bundle: Some(Stored {
                key: "shop/feature/x/c.zip".to_owned(),
                version: Some("v1".to_owned()),
                commit: push().commit,
            }),
        }),
        figures: Some(Figures {
            files: 3,
            entries: 5,
            fetched: 2,
            reused: 1,
            bytes: 900,
            bytes_fetched: 400,
            bytes_reused: 300,
            walk: Duration::from_millis(30),
            bundle: Duration::from_millis(40),
            build: Duration::from_millis(20),
            calls: 7,
            throttled: 1,
            time: Duration::from_millis(95),
        }),
    }
}

fn metrics(line: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or("None").to_owned();
    line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|metric| (text(&metric["Name"]), text(&metric["Unit"])))
        .collect()
}

#[test]
fn a_built_push_says_what_it_was_what_became_of_it_and_what_it_cost() {
    let mut line = line(MessageOutcome::Done(&push()), built());
    let emf = line.as_object_mut().unwrap().remove("_aws").unwrap();
    assert_eq!(emf["Timestamp"], 1_767_323_046_000_u64);
    let directive = &emf["CloudWatchMetrics"][0];
    assert_eq!(directive["Namespace"], "pushbuild");
    assert_eq!(directive["Dimensions"], json!([["FunctionName"]]));
    assert_eq!(
        line,
        json!({
            "FunctionName": "pushbuild",
            "timestamp": "2026-01-02T03:04:06Z",
            "level": "INFO",
            "message": "push",
            "request_id": "r1",
            "message_id": "m1",
            "receive_count": 2,
            "event_id": "e1",
            "account": "111122223333",
            "region": "eu-west-1",
            "repository": "shop",
            "reference": "refs/heads/feature/x",
            "commit": "0000000000000000000000000000000000000000",
            "pushed_at": "2026-01-02T03:04:05Z",
            "queued_at": "2026-01-02T03:04:05.25Z",
            "begun_at": "2026-01-02T03:04:05.75Z",
            "waited_ms": 500,
            "outcome": "built",
            "build_id": "shop:1",
            "key": "shop/feature/x/c.zip",
            "version_id": "v1",
            "pushes": 1, "started": 1, "skipped": 0, "retried": 0, "rejected": 0, "unbundlable": 0,
            "files": 3, "entries": 5, "fetched": 2, "reused": 1,
            "bytes": 900, "bytes_fetched": 400, "bytes_reused": 300,
            "calls": 7, "throttled": 1,
            "ms": 95, "walk_ms": 30, "bundle_ms": 40, "build_ms": 20,
        })
    );
}

#[test]
fn a_skipped_message_says_what_its_body_says_and_counts_no_bytes() {
    let skip = Skip::ReferenceDeleted("refs/heads/gone".to_owned());
    let line = line(MessageOutcome::Skipped(&skip), Metrics::default());
    assert_eq!(line["outcome"], "skipped");
    assert_eq!(line["class"], "reference_deleted");
    assert_eq!(line["why"], "refs/heads/gone was deleted");
    assert_eq!(line["event_id"], "e1");
    assert_eq!(line["reference"], "refs/heads/gone");
    assert_eq!((&line["skipped"], &line["started"]), (&json!(1), &json!(0)));
    let names: Vec<_> = metrics(&line).into_iter().map(|(name, _)| name).collect();
    assert!(!names.iter().any(|name| name == "bytes" || name == "ms"));
    assert!(line.get("bytes").is_none());
}

#[test]
fn a_failure_is_counted_by_its_class_and_says_what_can_be_done() {
    let cost = || Metrics {
        published: None,
        ..built()
    };
    let failed = |error| line(MessageOutcome::Failed(Some(&push()), &error), cost());
    let refused = Error::Refused {
        commit: push().commit,
        why: "line\nbreak".to_owned(),
    };
    for (error, level, class, retried) in [
        (Error::OutOfTime("test"), "WARN", "retry", 1),
        (Error::BehindFailure, "INFO", "retry", 1),
        (refused, "ERROR", "reject", 0),
    ] {
        let text = error.to_string();
        let line = failed(error);
        assert_eq!(line["error"], text);
        assert_eq!(
            (&line["level"], &line["class"]),
            (&json!(level), &json!(class))
        );
        assert_eq!(
            (&line["retried"], &line["rejected"]),
            (&json!(retried), &json!(1 - retried))
        );
        assert_eq!(line["throttled"], 1, "what it cost is told all the same");
        assert!(line["advice"].as_str().is_some_and(|text| !text.is_empty()));
    }
}

#[test]
fn a_forwarded_push_says_how_long_it_waited_and_counts_no_build() {
    let metrics = Metrics {
        begun: built().begun,
        ..Metrics::default()
    };
    let line = line(MessageOutcome::Forwarded(&push()), metrics);
    assert_eq!(line["outcome"], "forwarded");
    assert_eq!(line["waited_ms"], 500);
    assert_eq!(line["started"], 0);
    assert!(line.get("ms").is_none());
}

#[test]
fn a_clone_by_codebuild_is_counted_as_unbundlable() {
    let mut metrics = built();
    let published = metrics.published.as_mut().unwrap();
    published.outcome = PushOutcome::BuiltFromCodeCommit;
    published.bundle = None;
    let line = line(MessageOutcome::Done(&push()), metrics);
    assert_eq!(line["unbundlable"], 1);
    assert_eq!(line["class"], "unbundlable");
    assert!(line.get("key").is_none());
}
