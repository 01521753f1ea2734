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
fn an_updated_branch_is_a_push() {
    let push = push_of(&updated("refs/heads/main"));
    assert_eq!(push.repository, "MyDemoRepo");
    assert_eq!(push.account, "123456789012");
    assert_eq!(push.region, "us-east-2");
    assert_eq!(push.commit.to_string(), COMMIT);
    assert_eq!(
        push.old_commit.map(|id| id.to_string()).as_deref(),
        Some(OLD)
    );
    assert_eq!(push.time.unix_timestamp(), 1_560_335_023);
}

#[test]
fn a_new_branch_has_no_old_commit() {
    let mut created = updated("refs/heads/main");
    created["detail"]["event"] = json!("referenceCreated");
    created["detail"]
        .as_object_mut()
        .unwrap()
        .remove("oldCommitId");
    assert_eq!(push_of(&created).old_commit, None);
}

#[test]
fn a_branch_keeps_its_slashes() {
    let push = push_of(&updated("refs/heads/feature/a/b"));
    assert_eq!(push.reference.short_name, "feature/a/b");
    assert_eq!(push.reference.full_name(), "refs/heads/feature/a/b");
}

#[test]
fn a_tag_is_a_tag() {
    let push = push_of(&updated("refs/tags/v1.0"));
    assert_eq!(push.reference.kind, ReferenceKind::Tag);
    assert_eq!(push.reference.short_name, "v1.0");
}

#[test]
fn a_deleted_reference_is_skipped() {
    let deleted = event(&json!({
        "event": "referenceDeleted",
        "repositoryName": "MyDemoRepo",
        "referenceFullName": "refs/heads/gone",
        "oldCommitId": OLD
    }));
    let skip = Skip::ReferenceDeleted {
        reference: "refs/heads/gone".to_owned(),
    };
    assert_eq!(parse(&deleted.to_string()), Ok(Request::Skip(skip)));
}

#[test]
fn a_merge_commit_without_a_reference_is_skipped() {
    let merge = event(&json!({"event": "unreferencedMergeCommitCreated", "repositoryName": "r"}));
    assert_eq!(
        parse(&merge.to_string()),
        Ok(Request::Skip(Skip::UnreferencedMergeCommit))
    );
}

#[test]
fn a_body_that_is_not_json_is_refused_with_its_beginning() {
    let error = parse("hello").unwrap_err().to_string();
    assert!(
        error.contains("the JSON of an EventBridge event") && error.contains("hello"),
        "{error}"
    );
}

#[test]
fn another_source_is_refused() {
    let mut forged = updated("refs/heads/main");
    forged["source"] = json!("my.app");
    assert!(refusal_of(&forged).contains("source of the message should be `aws.codecommit`"));
}

#[test]
fn another_detail_type_is_refused() {
    let mut other = updated("refs/heads/main");
    other["detail-type"] = json!("CodeCommit Pull Request State Change");
    assert!(refusal_of(&other).contains("detail-type"));
}

#[test]
fn a_field_that_a_push_needs_is_named_when_it_is_missing() {
    for field in ["commitId", "repositoryName", "referenceFullName"] {
        let mut cut = updated("refs/heads/main");
        cut["detail"].as_object_mut().unwrap().remove(field);
        let error = refusal_of(&cut);
        assert!(
            error.contains(&format!("detail.{field}")) && error.contains("missing"),
            "{error}"
        );
    }
    for field in ["id", "time", "account", "region", "source", "detail-type"] {
        let mut cut = updated("refs/heads/main");
        cut.as_object_mut().unwrap().remove(field);
        let error = refusal_of(&cut);
        assert!(
            error.starts_with(field) && error.contains("missing"),
            "{error}"
        );
    }
}

#[test]
fn a_field_that_makes_no_sense_is_named_with_what_came() {
    for (field, value) in [
        ("commitId", "HEAD"),
        ("commitId", "0000000000000000000000000000000000000000"),
        ("repositoryName", "a/b"),
        ("repositoryName", ".."),
        ("referenceFullName", "refs/notes/x"),
        ("referenceFullName", "refs/heads/"),
        ("referenceFullName", "refs/heads/a/../b"),
        ("event", "referenceRenamed"),
    ] {
        let mut wrong = updated("refs/heads/main");
        wrong["detail"][field] = json!(value);
        let error = refusal_of(&wrong);
        assert!(
            error.contains(&format!("detail.{field}")) && error.contains(value),
            "{error}"
        );
    }
    let mut wrong = updated("refs/heads/main");
    wrong["time"] = json!("yesterday");
    assert!(refusal_of(&wrong).contains("yesterday"));
}

#[test]
fn an_old_commit_id_that_makes_no_sense_is_left_out_since_it_is_only_an_aid() {
    for old in ["abc", "0000000000000000000000000000000000000000", ""] {
        let mut odd = updated("refs/heads/main");
        odd["detail"]["oldCommitId"] = json!(old);
        assert_eq!(push_of(&odd).old_commit, None, "{old}");
    }
}

#[test]
fn a_time_that_no_clock_in_utc_can_show_is_refused() {
    for time in ["9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59"] {
        let mut odd = updated("refs/heads/main");
        odd["time"] = json!(time);
        // One that can be told in UTC after all would be fine as well.
        if let Err(error) = parse(&odd.to_string()) {
            assert!(error.to_string().contains(time), "{error}");
        }
    }
}

#[test]
fn an_id_that_sqs_does_not_take_is_refused() {
    for id in ["two words", "é", &"x".repeat(129)] {
        let mut odd = updated("refs/heads/main");
        odd["id"] = json!(id);
        assert!(refusal_of(&odd).starts_with("id of the message"), "{id}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_in_words(body in ".{0,300}") {
        if let Err(error) = parse(&body) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

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
