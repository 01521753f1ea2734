//! CodeBuild's rules, on a clock that the test puts forward.

use std::time::Duration;

use serde_json::{Value, json};

use super::*;

struct Fixture {
    clock: Clock,
    codebuild: CodeBuild,
}

fn fixture() -> Fixture {
    let clock = Clock::default();
    let codebuild = CodeBuild::new(clock.clone());
    codebuild.add_project("app");
    Fixture { clock, codebuild }
}

impl Fixture {
    fn call(&self, operation: &str, input: Value) -> Value {
        self.codebuild.call(operation, input).unwrap()
    }

    fn refused(&self, operation: &str, input: Value) -> String {
        let refused = self.codebuild.call(operation, input);
        refused.unwrap_err().to_string()
    }

    /// Starts a build and returns its id.
    fn start(&self, input: Value) -> String {
        let answer = self.call("StartBuild", input);
        answer["build"]["id"].as_str().unwrap().to_owned()
    }
}

/// What pushbuild sends.
fn push(token: &str, commit: &str) -> Value {
    json!({
        "projectName": "app",
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": "bundles/app/main/1.zip",
        "sourceVersion": "v1",
        "artifactsOverride": {"type": "NO_ARTIFACTS"},
        "environmentVariablesOverride": [{"name": "COMMIT_ID", "value": commit, "type": "PLAINTEXT"}],
        "idempotencyToken": token,
    })
}

#[test]
fn the_same_request_with_the_same_token_is_one_build_for_five_minutes() {
    let f = fixture();
    let first = f.start(push("t", "c1"));
    f.clock.advance(Duration::from_secs(299));
    assert_eq!(f.start(push("t", "c1")), first);
    let refused = f.refused("StartBuild", push("t", "c2"));
    let mismatch = "InvalidInputException: Parameter mismatch";
    assert!(refused.starts_with(mismatch), "{refused}");
    assert_eq!(f.codebuild.builds().len(), 1);
    f.clock.advance(Duration::from_secs(2));
    assert_ne!(f.start(push("t", "c1")), first);
}

#[test]
fn an_unknown_project_is_not_found_unless_any_is_accepted() {
    let f = fixture();
    let named = |name: &str| {
        let mut input = push("t", "c1");
        input["projectName"] = json!(name);
        input
    };
    let other = json!({"projectName": "other"});
    for (operation, input) in [
        ("StartBuild", named("other")),
        ("ListBuildsForProject", other.clone()),
    ] {
        let refused = f.refused(operation, input);
        assert!(refused.starts_with("ResourceNotFoundException"));
    }
    f.codebuild.accept_any_project(true);
    let none_yet = f.call("ListBuildsForProject", other);
    assert_eq!(none_yet["ids"], json!([]));
    f.start(named("other"));
    for impossible in ["my.app", "r", "_app", "-app"] {
        let refused = f.refused("StartBuild", named(impossible));
        assert!(refused.starts_with("ResourceNotFoundException"));
    }
}

#[test]
fn builds_are_listed_newest_first_a_hundred_a_page() {
    let f = fixture();
    for number in 0..101 {
        f.start(push(&number.to_string(), "c"));
    }
    let ids: Vec<String> = f.codebuild.builds().into_iter().map(|b| b.id).collect();
    let mut input = json!({"projectName": "app", "sortOrder": "DESCENDING"});
    let first = f.call("ListBuildsForProject", input.clone());
    assert_eq!(first["ids"].as_array().unwrap().len(), 100);
    assert_eq!(first["ids"][0], ids[100]);
    // One more comes in between: the second page goes on where the first ended.
    f.start(push("between", "c"));
    input["nextToken"] = first["nextToken"].clone();
    assert_eq!(
        f.refused("ListBuildsForProject", input.clone()),
        "InvalidInputException: Sort order can't be specified when passing a nextToken"
    );
    input.as_object_mut().unwrap().remove("sortOrder");
    let second = f.call("ListBuildsForProject", input);
    assert_eq!(second, json!({"ids": [ids[0]]}));
}

#[test]
fn a_project_at_its_limit_starts_no_build_until_one_is_over() {
    let f = fixture();
    f.codebuild.set_project_limit("app", 1);
    f.start(push("t", "c1"));
    let refused = f.refused("StartBuild", push("u", "c2"));
    assert!(refused.contains("concurrent builds for the project"));
    f.start(push("t", "c1"));
    f.clock.advance(Duration::from_secs(31));
    f.start(push("u", "c2"));
}

#[test]
fn what_is_not_as_modelled_is_invalid() {
    let f = fixture();
    let variable = |variable: Value| ("environmentVariablesOverride", json!([variable]));
    let location = |location: &str| ("sourceLocationOverride", json!(location));
    for ((member, value), reason) in [
        (("projectName", json!(null)), "expected a string"),
        (("privilegedModeOverride", json!(true)), "unknown field"),
        (location("arn:aws:s3:::b/a.zip"), "bucket/key"),
        (location("b"), "bucket/key"),
        (("sourceTypeOverride", json!("CODECOMMIT")), "clone URL"),
        (
            variable(json!({"name": "CODEBUILD_X", "value": "1", "type": "PLAINTEXT"})),
            "reserved",
        ),
        (variable(json!({"name": "X"})), "missing field `value`"),
    ] {
        let mut input = push("t", "c");
        input[member] = value;
        let refused = f.refused("StartBuild", input);
        assert!(refused.starts_with("InvalidInputException"), "{refused}");
        assert!(refused.contains(reason), "{refused}");
    }
    let mut input = push("t", "c");
    input["artifactsOverride"] = json!({"type": "S3"});
    let refused = f.refused("StartBuild", input);
    assert!(refused.starts_with("NotServedLocally"), "{refused}");
    assert!(f.codebuild.builds().is_empty());
    let many: Vec<String> = (0..101).map(|n| format!("app:{n}")).collect();
    for ids in [json!([]), json!(many)] {
        let refused = f.refused("BatchGetBuilds", json!({"ids": ids}));
        assert!(refused.starts_with("InvalidInputException"), "{refused}");
    }
}
