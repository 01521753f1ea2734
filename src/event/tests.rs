use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const COMMIT: &str = "3e5983d0f1bd0a9fe6d2ae6dc3bfe4b8d6a5a3f1";
const OLD: &str = "0123456789abcdef0123456789abcdef01234567";

fn event(detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": "01234567-0123-0123-0123-012345678901",
        "detail-type": "CodeCommit Repository State Change",
        "source": "aws.codecommit",
        "account": "123456789012",
        "time": "2019-06-12T10:23:43Z",
        "region": "us-east-2",
        "resources": ["arn:aws:codecommit:us-east-2:123456789012:MyDemoRepo"],
        "detail": detail
    })
}

fn updated(full_name: &str) -> Value {
    event(&json!({
        "callerUserArn": "arn:aws:iam::123456789012:user/mary",
        "event": "referenceUpdated",
        "repositoryName": "MyDemoRepo",
        "repositoryId": "12345678-1234-5678-abcd-12345678abcd",
        "referenceType": "branch",
        "referenceName": "x",
        "referenceFullName": full_name,
        "commitId": COMMIT,
        "oldCommitId": OLD
    }))
}

fn push_of(event: &Value) -> Push {
    match parse(&event.to_string()).unwrap() {
        Request::Build(push) => push,
        Request::Skip(skip) => panic!("skipped: {skip}"),
    }
}

fn refusal_of(event: &Value) -> String {
    parse(&event.to_string()).unwrap_err().to_string()
}

#[test]
fn an_updated_or_new_reference_is_a_push() {
    let push = push_of(&updated("refs/heads/feature/a/b"));
    assert_eq!(push.repository, "MyDemoRepo");
    assert_eq!(push.account, "123456789012");
    assert_eq!(push.region, "us-east-2");
    assert_eq!(push.commit.to_string(), COMMIT);
    assert_eq!(push.old_commit.unwrap().to_string(), OLD);
    assert_eq!(push.time.unix_timestamp(), 1_560_335_023);
    assert_eq!(push.reference.short_name, "feature/a/b");
    assert_eq!(push.reference.full_name(), "refs/heads/feature/a/b");

    let mut created = updated("refs/tags/v1.0");
    created["detail"]["event"] = json!("referenceCreated");
    let tag = push_of(&created).reference;
    assert_eq!((tag.kind, &*tag.short_name), (ReferenceKind::Tag, "v1.0"));
    // Only an aid: it may be missing, and one that makes no sense is left out.
    for old in [None, Some("abc"), Some(&"0".repeat(40)), Some("")] {
        created["detail"]["oldCommitId"] = json!(old);
        assert_eq!(push_of(&created).old_commit, None, "{old:?}");
    }
}

#[test]
fn what_leaves_no_reference_to_build_is_skipped() {
    for (kind, skip) in [
        (
            "referenceDeleted",
            Skip::ReferenceDeleted("refs/heads/gone".to_owned()),
        ),
        (
            "unreferencedMergeCommitCreated",
            Skip::UnreferencedMergeCommit,
        ),
    ] {
        let detail = json!({"event": kind, "repositoryName": "r",
            "referenceFullName": "refs/heads/gone", "oldCommitId": OLD});
        let body = event(&detail).to_string();
        assert_eq!(parse(&body), Ok(Request::Skip(skip)));
    }
}

/// Each field that a push needs, with values that make no sense.
const FIELDS: &[(&str, &[&str])] = &[
    ("source", &["my.app"]),
    ("detail-type", &["CodeCommit Pull Request State Change"]),
    // SQS takes no such ids.
    ("id", &["two words", "é"]),
    // No clock in UTC shows the second.
    ("time", &["yesterday", "9999-12-31T23:59:59-23:59"]),
    ("account", &[]),
    ("region", &[]),
    (
        "detail.commitId",
        &["HEAD", "0000000000000000000000000000000000000000"],
    ),
    ("detail.repositoryName", &["a/b", ".."]),
    (
        "detail.referenceFullName",
        &["refs/notes/x", "refs/heads/", "refs/heads/a/../b"],
    ),
    ("detail.event", &["referenceRenamed"]),
];

#[test]
fn what_is_not_json_and_a_field_that_is_missing_or_makes_no_sense_are_named_with_what_came() {
    let with = |field: &str, value: Value| {
        let mut event = updated("refs/heads/main");
        match field.strip_prefix("detail.") {
            Some(field) => event["detail"][field] = value,
            None => event[field] = value,
        }
        refusal_of(&event)
    };
    for (field, values) in FIELDS {
        let error = with(field, Value::Null);
        assert!(error.starts_with(&format!("{field} of the message")));
        assert!(error.ends_with("missing"), "{error}");
        for value in *values {
            let error = with(field, json!(value));
            assert!(error.starts_with(&format!("{field} of the message")));
            assert!(error.contains(value), "{error}");
        }
    }
    let error = with("id", json!("x".repeat(129)));
    assert!(error.starts_with("id of the message"), "{error}");
    let error = with("time", json!(5));
    assert!(error.ends_with("but is \"5\""), "{error}");
    let error = parse("hello").unwrap_err().to_string();
    let not_json =
        "the body of the message should be the JSON of an EventBridge event, but is \"hello\"";
    assert!(error.starts_with(not_json), "{error}");
}

proptest! {
    #[test]
    fn any_value_in_any_field_is_read_or_refused(
        field in prop::sample::select(vec![
            "event", "repositoryName", "referenceFullName", "commitId", "oldCommitId",
        ]),
        value in prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            ".{0,80}".prop_map(Value::from),
            Just(json!([{}])),
        ],
    ) {
        let mut wrong = updated("refs/heads/main");
        wrong["detail"][field] = value;
        if let Err(error) = parse(&wrong.to_string()) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
