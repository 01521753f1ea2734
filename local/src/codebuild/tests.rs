//! CodeBuild's rules, on a clock that the test puts forward.

use serde_json::{Value, json};

use super::*;

mod listing;
mod start;

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
