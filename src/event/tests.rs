use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const COMMIT: &str = "3e5983d0f1bd0a9fe6d2ae6dc3bfe4b8d6a5a3f1";
const OLD: &str = "0123456789abcdef0123456789abcdef01234567";

fn updated(full_name: &str) -> Value {
    json!({
        "version": "0",
        "id": "01234567-0123-0123-0123-012345678901",
        "detail-type": "CodeCommit Repository State Change",
        "source": "aws.codecommit",
        "account": "123456789012",
        "time": "2019-06-12T10:23:43Z",
        "region": "us-east-2",
        "resources": ["arn:aws:codecommit:us-east-2:123456789012:MyDemoRepo"],
        "detail": {
            "callerUserArn": "arn:aws:iam::123456789012:user/mary",
            "event": "referenceUpdated",
            "repositoryName": "MyDemoRepo",
            "repositoryId": "12345678-1234-5678-abcd-12345678abcd",
            "referenceType": "branch",
            "referenceName": "x",
            "referenceFullName": full_name,
            "commitId": COMMIT,
            "oldCommitId": OLD
        }
    })
}

fn push_of(event: &Value) -> Push {
    match parse(&event.to_string()).unwrap() {
        Request::Build(push) => push,
        Request::Skip(skip) => panic!("skipped: {skip}"),
    }
}

#[test]
fn an_updated_or_new_reference_is_a_push() {
    let expected = Push {
        event_id: "01234567-0123-0123-0123-012345678901".to_owned(),
        time: time::macros::datetime!(2019-06-12 10:23:43 UTC),
        account: "123456789012".to_owned(),
        region: "us-east-2".to_owned(),
        repository: "MyDemoRepo".to_owned(),
        commit: object_id(COMMIT).unwrap(),
        old_commit: object_id(OLD),
        ..Push::sample(ReferenceKind::Branch, "feature/a/b")
    };
    let name = "refs/heads/feature/a/b";
    assert_eq!(push_of(&updated(name)), expected);
    assert_eq!(expected.reference.full_name(), name);

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
    let gone = "refs/heads/gone";
    let deleted = Skip::ReferenceDeleted(gone.to_owned());
    for (change, skip) in [
        ("referenceDeleted", deleted),
        (
            "unreferencedMergeCommitCreated",
            Skip::UnreferencedMergeCommit,
        ),
    ] {
        let mut event = updated(gone);
        event["detail"] = json!({"event": change, "repositoryName": "r",
            "referenceFullName": gone, "oldCommitId": OLD});
        assert_eq!(parse(&event.to_string()), Ok(Request::Skip(skip)));
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
    let refusal = |field: &str, value: Value| {
        let mut event = updated("refs/heads/main");
        match field.strip_prefix("detail.") {
            Some(field) => event["detail"][field] = value,
            None => event[field] = value,
        }
        let error = parse(&event.to_string()).unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("{field} of the message")),
            "{error}"
        );
        error
    };
    for (field, values) in FIELDS {
        let error = refusal(field, Value::Null);
        assert!(error.ends_with("missing"), "{error}");
        for value in *values {
            let error = refusal(field, json!(value));
            assert!(error.contains(value), "{error}");
        }
    }
    refusal("id", json!("x".repeat(129)));
    refusal("detail.repositoryName", json!("x".repeat(101)));
    let error = refusal("time", json!(5));
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
