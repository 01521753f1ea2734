//! CodeBuild's rules, on a clock that the test puts forward.

use serde_json::{Value, json};

use super::*;

struct Fixture {
    clock: Clock,
    codebuild: CodeBuild,
}

fn fixture() -> Fixture {
    let clock = Clock::default();
    let codebuild = CodeBuild::new(clock.clone(), "eu-west-1", "000000000000");
    codebuild.add_project("app");
    Fixture { clock, codebuild }
}

impl Fixture {
    async fn call(&self, operation: &str, input: Value) -> Value {
        self.codebuild.call(operation, input).await.unwrap()
    }

    async fn refused(&self, operation: &str, input: Value) -> ServiceError {
        self.codebuild.call(operation, input).await.unwrap_err()
    }

    async fn start(&self, input: Value) -> Value {
        self.call("StartBuild", input).await["build"].clone()
    }

    fn seconds_pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
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

#[tokio::test]
async fn a_build_shows_what_it_was_started_with() {
    let f = fixture();
    let started = f.start(push("t", "c1")).await;
    assert!(started["id"].as_str().unwrap().starts_with("app:"));
    let id = started["id"].as_str().unwrap();
    assert_eq!(
        started["arn"],
        format!("arn:aws:codebuild:eu-west-1:000000000000:build/{id}")
    );
    assert_eq!(started["buildNumber"], 1);
    assert_eq!(started["buildStatus"], "IN_PROGRESS");
    assert_eq!(started["source"]["type"], "S3");
    assert_eq!(started["source"]["location"], "bundles/app/main/1.zip");
    assert_eq!(started["sourceVersion"], "v1");
    assert!(started["startTime"].is_f64());
    assert_eq!(
        started["environment"]["environmentVariables"],
        json!([{"name": "COMMIT_ID", "value": "c1", "type": "PLAINTEXT"}])
    );
    let build = f.codebuild.builds().remove(0);
    assert_eq!(
        (build.id.as_str(), build.variable("COMMIT_ID")),
        (id, Some("c1"))
    );
    assert_eq!(build.request, push("t", "c1"));
}

#[tokio::test]
async fn a_build_succeeds_when_its_time_is_over() {
    let f = fixture();
    f.codebuild.set_build_time(Duration::from_secs(10));
    let id = f.start(push("t", "c1")).await["id"].clone();
    f.seconds_pass(11);
    let found = f.call("BatchGetBuilds", json!({"ids": [id]})).await;
    assert_eq!(found["builds"][0]["buildStatus"], "SUCCEEDED");
    assert_eq!(found["builds"][0]["buildComplete"], true);
    assert_eq!(f.codebuild.builds()[0].status, BuildStatus::Succeeded);
}

#[tokio::test]
async fn a_stopped_build_stays_stopped_and_a_finished_one_finished() {
    let f = fixture();
    let id = f.start(push("t", "c1")).await["id"].clone();
    let stopped = f.call("StopBuild", json!({"id": id})).await;
    assert_eq!(stopped["build"]["buildStatus"], "STOPPED");
    let id = f.start(push("u", "c1")).await["id"].clone();
    f.seconds_pass(31);
    let late = f.call("StopBuild", json!({"id": id})).await;
    assert_eq!(late["build"]["buildStatus"], "SUCCEEDED");
    assert_eq!(f.codebuild.builds()[0].status, BuildStatus::Stopped);
    let unknown = f.refused("StopBuild", json!({"id": "app:0"})).await;
    assert_eq!(unknown.code, "ResourceNotFoundException");
}

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

#[tokio::test]
async fn builds_are_listed_newest_first_a_hundred_a_page() {
    let f = fixture();
    f.codebuild.add_project("other");
    f.start(json!({"projectName": "other"})).await;
    for _ in 0..101 {
        f.start(json!({"projectName": "app"})).await;
    }
    let ids: Vec<String> = f
        .codebuild
        .builds()
        .into_iter()
        .skip(1)
        .map(|build| build.id)
        .collect();
    let first = f
        .call("ListBuildsForProject", json!({"projectName": "app"}))
        .await;
    assert_eq!(first["ids"].as_array().unwrap().len(), 100);
    assert_eq!(first["ids"][0], ids[100]);
    // One more comes in between: the second page goes on where the first ended.
    f.start(json!({"projectName": "app"})).await;
    let next = json!({"projectName": "app", "nextToken": first["nextToken"]});
    let second = f.call("ListBuildsForProject", next).await;
    assert_eq!(second, json!({"ids": [ids[0]]}));
    let upwards = json!({"projectName": "app", "sortOrder": "ASCENDING"});
    assert_eq!(
        f.call("ListBuildsForProject", upwards).await["ids"][0],
        ids[0]
    );
}

#[tokio::test]
async fn builds_that_are_not_there_are_named() {
    let f = fixture();
    let id = f.start(push("t", "c1")).await["id"].clone();
    let found = f
        .call("BatchGetBuilds", json!({"ids": [id, "app:none"]}))
        .await;
    assert_eq!(found["builds"][0]["id"], id);
    assert_eq!(found["buildsNotFound"], json!(["app:none"]));
    let many: Vec<String> = (0..101).map(|n| format!("app:{n}")).collect();
    for ids in [json!([]), json!(many)] {
        let refused = f.refused("BatchGetBuilds", json!({"ids": ids})).await;
        assert_eq!(refused.code, "InvalidInputException");
    }
}

#[tokio::test]
async fn a_project_is_created_once_and_its_variables_are_merged_by_name() {
    let f = fixture();
    let project = json!({
        "name": "made",
        "source": {"type": "NO_SOURCE"},
        "artifacts": {"type": "NO_ARTIFACTS"},
        "environment": {
            "type": "LINUX_CONTAINER", "image": "i", "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}],
        },
    });
    let created = f.call("CreateProject", project.clone()).await;
    assert_eq!(
        created["project"]["arn"],
        "arn:aws:codebuild:eu-west-1:000000000000:project/made"
    );
    let again = f.refused("CreateProject", project).await;
    assert_eq!(again.code, "ResourceAlreadyExistsException");
    let input = json!({
        "projectName": "made", "environmentVariablesOverride": [{"name": "B", "value": "2"}],
    });
    f.start(input).await;
    let build = f.codebuild.builds().remove(0);
    assert_eq!(
        (build.variable("A"), build.variable("B")),
        (Some("1"), Some("2"))
    );
    assert_eq!(build.environment.len(), 2);
    assert_eq!(
        f.call("ListProjects", json!({})).await["projects"],
        json!(["app", "made"])
    );
    let found = f
        .call("BatchGetProjects", json!({"names": ["made", "none"]}))
        .await;
    assert_eq!(found["projects"][0]["name"], "made");
    assert_eq!(found["projectsNotFound"], json!(["none"]));
}

#[tokio::test]
async fn a_start_wakes_whoever_waits() {
    let f = fixture();
    let changed = f.codebuild.changed();
    f.start(push("t", "c1")).await;
    tokio::time::timeout(Duration::from_secs(5), changed)
        .await
        .unwrap();
}
