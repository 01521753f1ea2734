mod documentation;

use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::aws::s3::Stored;
use crate::event::Skip;
use crate::publish::{Done, Published, PushOutcome};

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

fn built() -> Done {
    Done::Published(Published {
        outcome: PushOutcome::Built,
        build_id: "shop:1".to_owned(),
        bundle: Some(Stored {
            key: "shop/x/c1.zip".to_owned(),
            version: Some("v1".to_owned()),
            commit: gix_hash::ObjectId::null(gix_hash::Kind::Sha1),
        }),
    })
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
    let mut line = line(&Ok(built()), Some(figures()));
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
    let skip = Skip::ReferenceDeleted("refs/heads/gone".to_owned());
    let refused = Error::Refused {
        commit: gix_hash::ObjectId::null(gix_hash::Kind::Sha1),
        why: "line\nbreak".to_owned(),
    };
    let cloned = Done::Published(Published {
        outcome: PushOutcome::BuiltFromCodeCommit,
        build_id: "shop:1".to_owned(),
        bundle: None,
    });
    for (outcome, level, word, class, counted) in [
        (Ok(Done::Forwarded), "INFO", "forwarded", None, &[][..]),
        (
            Ok(Done::Skipped(skip)),
            "INFO",
            "skipped",
            Some("reference_deleted"),
            &["skipped"],
        ),
        (
            Ok(cloned),
            "INFO",
            "built_from_codecommit",
            Some("unbundlable"),
            &["started", "unbundlable"],
        ),
        (
            Err(Error::OutOfTime("test")),
            "WARN",
            "failed",
            Some("retry"),
            &["retried"],
        ),
        (
            Err(Error::BehindFailure),
            "INFO",
            "failed",
            Some("retry"),
            &["retried"],
        ),
        (
            Err(refused),
            "ERROR",
            "failed",
            Some("reject"),
            &["rejected"],
        ),
    ] {
        let line = line(&outcome, None);
        assert_eq!(line["level"], level);
        assert_eq!(line["outcome"], word);
        assert_eq!(line["class"].as_str(), class, "{line}");
        for count in ["started", "skipped", "retried", "rejected", "unbundlable"] {
            assert_eq!(
                line[count],
                u8::from(counted.contains(&count)),
                "{count}: {line}"
            );
        }
        // Nor does a push count as one of no bytes that was not worked on to its end.
        let names: Vec<_> = metrics(&line).into_iter().map(|(name, _)| name).collect();
        assert!(!names.iter().any(|name| name == "bytes" || name == "ms"));
        assert!(line.get("bytes").is_none() && line.get("key").is_none());
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
