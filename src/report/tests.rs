mod documentation;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::aws::s3::Stored;
use crate::error::{CallError, Cause};
use crate::event::Skip;
use crate::publish::{Done, PushOutcome};

const EVENT: &str = r#"{"id":"e1","source":"aws.codecommit","region":"eu-west-1",
    "account":"111122223333","time":"2026-01-02T03:04:05Z","detail":{"event":"referenceUpdated",
    "repositoryName":"shop","referenceFullName":"refs/heads/x","commitId":"c1"}}"#;

fn line(outcome: &Outcome, figures: Option<Figures>) -> Value {
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
    let metrics = Metrics {
        begun: Some(datetime!(2026-01-02 03:04:05.75 UTC)),
        figures,
    };
    let at = datetime!(2026-01-02 03:04:06 UTC).into();
    let line = reporter.document(&message, outcome, metrics, at);
    let text = String::from_utf8(line).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "{text}");
    assert!(text.ends_with('\n'), "{text}");
    assert!(!text.contains("not for the log"));
    serde_json::from_str(&text).unwrap()
}

fn published(outcome: PushOutcome) -> Done {
    Done::Published {
        outcome,
        build_id: "shop:1".to_owned(),
        bundle: (outcome == PushOutcome::Built).then(|| Stored {
            key: "shop/x/c1.zip".to_owned(),
            version: Some("v1".to_owned()),
            commit: gix_hash::ObjectId::null(gix_hash::Kind::Sha1),
        }),
    }
}

/// Every kind of outcome, with the level, the outcome and the class of its line, and what counts it.
fn outcomes() -> Vec<(Outcome, &'static str)> {
    let skips = [Skip::ReferenceDeleted, Skip::Excluded, Skip::NotSelected];
    let [deleted, excluded, not_selected] = skips.map(|skip| skip("shop".to_owned()));
    let merge = Skip::UnreferencedMergeCommit;
    let no_project = Skip::NoProject {
        repository: "shop".to_owned(),
        project: "shop".to_owned(),
    };
    let call = |cause| {
        Err(Error::Call(CallError {
            request_id: Some("q1".to_owned()),
            ..CallError::sample(cause)
        }))
    };
    let refused = Error::Refused {
        commit: gix_hash::ObjectId::null(gix_hash::Kind::Sha1),
        why: "line\nbreak".to_owned(),
    };
    let ended = |done, line| (Ok(done), line);
    let built = |outcome, line| ended(published(outcome), line);
    let cloned = "INFO built_from_codecommit unbundlable: started unbundlable";
    let skipped = |skip, line| ended(Done::Skipped(skip), line);
    vec![
        built(PushOutcome::Built, "INFO built -: started"),
        built(
            PushOutcome::BuiltFromStored,
            "INFO built_from_stored -: started",
        ),
        built(PushOutcome::AlreadyBuilt, "INFO already_built -:"),
        built(PushOutcome::BuiltFromCodeCommit, cloned),
        ended(Done::Forwarded, "INFO forwarded -:"),
        skipped(deleted, "INFO skipped reference_deleted: skipped"),
        skipped(merge, "INFO skipped unreferenced_merge_commit: skipped"),
        skipped(excluded, "INFO skipped excluded: skipped"),
        skipped(not_selected, "INFO skipped not_selected: skipped"),
        skipped(no_project, "INFO skipped no_project: skipped"),
        (Err(Error::BehindFailure), "INFO failed retry: retried"),
        (call(Cause::Throttled), "WARN failed retry: retried"),
        (call(Cause::Denied), "ERROR failed refused_by_aws: retried"),
        (Err(refused), "ERROR failed reject: rejected"),
    ]
}

fn figures() -> Figures {
    Figures {
        files: 3,
        entries: 5,
        fetched: 2,
        reused: 1,
        bytes: 900,
        bytes_fetched: 400,
        bytes_reused: 300,
        calls: 7,
        throttled: 1,
        ms: 95,
        walk_ms: 30,
        bundle_ms: 40,
        build_ms: 20,
    }
}

/// The names and units of a line's metrics.
fn metrics(line: &Value) -> BTreeSet<(&str, &str)> {
    fn text<'a>(metric: &'a Value, member: &str) -> &'a str {
        metric[member].as_str().unwrap_or("None")
    }
    let metrics = line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array();
    let metrics = metrics.unwrap().iter();
    metrics
        .map(|it| (text(it, "Name"), text(it, "Unit")))
        .collect()
}

#[test]
fn a_built_push_says_what_it_was_what_became_of_it_and_what_it_cost() {
    let mut line = line(&Ok(published(PushOutcome::Built)), Some(figures()));
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
            "reference": "refs/heads/x",
            "commit": "c1",
            "pushed_at": "2026-01-02T03:04:05Z",
            "queued_at": "2026-01-02T03:04:05.25Z",
            "begun_at": "2026-01-02T03:04:05.75Z",
            "waited_ms": 500,
            "outcome": "built",
            "build_id": "shop:1",
            "key": "shop/x/c1.zip",
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
fn each_outcome_has_its_level_and_class_and_is_counted_once() {
    for (outcome, expected) in outcomes() {
        let line = line(&outcome, None);
        let word = |field: &str| line[field].as_str().unwrap_or("-").to_owned();
        let [level, result, class] = ["level", "outcome", "class"].map(word);
        let mut said = format!("{level} {result} {class}:");
        for count in ["started", "skipped", "retried", "rejected", "unbundlable"] {
            if line[count] != 0 {
                assert_eq!(line[count], 1);
                said.extend([" ", count]);
            }
        }
        assert_eq!(said, expected);
        // A push that was not worked on to its end does not count as one of no bytes.
        for figure in ["bytes", "ms"] {
            assert!(line.get(figure).is_none(), "{line}");
            assert!(!metrics(&line).iter().any(|(name, _)| *name == figure));
        }
        assert_eq!(line.get("key").is_some(), result == "built");
        match outcome {
            Ok(Done::Skipped(skip)) => assert_eq!(line["why"], skip.to_string()),
            Ok(_) => {}
            Err(error) => {
                assert_eq!(line["error"], error.to_string());
                assert!(line["advice"].as_str().is_some_and(|text| !text.is_empty()));
            }
        }
    }
    let failed = line(&Err(Error::OutOfTime("test")), Some(figures()));
    assert_eq!(failed["throttled"], 1, "what it cost is told all the same");
}
