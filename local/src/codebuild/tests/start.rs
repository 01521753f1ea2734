//! What StartBuild refuses, and when it answers with a build that it has started before.

use super::*;

#[tokio::test]
async fn the_same_request_with_the_same_token_is_one_build_for_five_minutes() {
    let f = fixture();
    let first = f.start(push("t", "c1")).await;
    f.seconds_pass(299);
    assert_eq!(f.start(push("t", "c1")).await["id"], first["id"]);
    assert_eq!(f.codebuild.builds().len(), 1);
    f.seconds_pass(2);
    assert_ne!(f.start(push("t", "c1")).await["id"], first["id"]);
    assert_eq!(f.codebuild.builds().len(), 2);
}

#[tokio::test]
async fn another_request_with_the_same_token_is_a_parameter_mismatch() {
    let f = fixture();
    f.start(push("t", "c1")).await;
    let refused = f.refused("StartBuild", push("t", "c2")).await;
    assert_eq!(refused.code, "InvalidInputException");
    assert!(
        refused.message.starts_with("Parameter mismatch"),
        "{refused}"
    );
    f.seconds_pass(301);
    f.start(push("t", "c2")).await;
    assert_eq!(f.codebuild.builds().len(), 2);
}

#[tokio::test]
async fn without_a_token_every_request_is_a_build() {
    let f = fixture();
    for _ in 0..2 {
        f.start(json!({"projectName": "app"})).await;
    }
    let builds = f.codebuild.builds();
    assert_eq!([builds[0].number, builds[1].number], [1, 2]);
    assert_eq!(
        builds[0].source_type, "CODECOMMIT",
        "the project's own source"
    );
}

#[tokio::test]
async fn an_unknown_project_is_not_found_unless_any_is_accepted() {
    let f = fixture();
    let input = json!({"projectName": "other"});
    assert_eq!(
        f.refused("StartBuild", input.clone()).await.code,
        "ResourceNotFoundException"
    );
    let listed = f.refused("ListBuildsForProject", input.clone()).await;
    assert_eq!(listed.code, "ResourceNotFoundException");
    f.codebuild.accept_any_project(true);
    let none_yet = f
        .codebuild
        .call("ListBuildsForProject", input.clone())
        .await
        .unwrap();
    assert_eq!(none_yet["ids"], json!([]));
    f.start(input).await;
    let impossible = json!({"projectName": "my.app"});
    assert_eq!(
        f.refused("StartBuild", impossible).await.code,
        "ResourceNotFoundException"
    );
}

#[tokio::test]
async fn what_is_not_as_modelled_is_invalid() {
    let f = fixture();
    let with = |member: &str, value: Value| {
        let mut input = json!({"projectName": "app"});
        input[member] = value;
        input
    };
    for (input, reason) in [
        (json!({}), "projectName"),
        (with("projectName", json!("")), "projectName"),
        (with("sourceTypeOverride", json!("ZIP")), "enum value set"),
        (
            with("artifactsOverride", json!({"type": "NONE"})),
            "enum value set",
        ),
        (with("artifactsOverride", json!({})), "type"),
        (with("timeoutInMinutesOverride", json!(4)), "timeout"),
        (
            with(
                "sourceLocationOverride",
                json!("arn:aws:s3:::bundles/a.zip"),
            ),
            "not as an ARN",
        ),
        (
            with(
                "environmentVariablesOverride",
                json!([{"name": "CODEBUILD_X", "value": "1"}]),
            ),
            "reserved",
        ),
        (
            with("environmentVariablesOverride", json!([{"name": "X"}])),
            "no value",
        ),
        (
            with(
                "environmentVariablesOverride",
                json!([{"name": "X", "value": "1", "type": "Y"}]),
            ),
            "enum",
        ),
        (
            json!({"projectName": "app", "sourceTypeOverride": "S3", "sourceLocationOverride": "bundles"}),
            "bucket/key",
        ),
        (
            json!({"projectName": "app", "sourceTypeOverride": "S3", "sourceLocationOverride": "b/f/", "sourceVersion": "v"}),
            "Source version should be empty",
        ),
    ] {
        let refused = f.refused("StartBuild", input.clone()).await;
        assert_eq!(refused.code, "InvalidInputException", "{input}");
        assert!(refused.message.contains(reason), "{input}: {refused}");
    }
    assert!(f.codebuild.builds().is_empty());
}

#[tokio::test]
async fn the_account_limit_refuses_until_builds_end_but_not_a_repeated_request() {
    let f = fixture();
    f.codebuild.set_account_limit(Some(1));
    f.start(push("t", "c1")).await;
    let refused = f.refused("StartBuild", push("u", "c2")).await;
    assert_eq!(refused.code, "AccountLimitExceededException");
    assert_eq!(
        refused.message,
        "Cannot have more than 1 builds in queue for the account"
    );
    f.start(push("t", "c1")).await;
    f.seconds_pass(31);
    f.start(push("u", "c2")).await;
    f.codebuild.set_account_limit(Some(0));
    f.seconds_pass(31);
    f.refused("StartBuild", push("v", "c3")).await;
    f.codebuild.set_account_limit(None);
    f.start(push("v", "c3")).await;
}
