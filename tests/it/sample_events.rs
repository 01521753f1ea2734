//! The files in `events/`, each sent as it is through the whole chain.

use std::path::Path;
use std::process::Command;

use crate::setup::prelude::*;
use serde_json::Value;

/// The repository that the events speak of.
fn sample() -> Repository {
    let repository = Repository::unborn();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("local/sample-repository.sh");
    let mut command = Command::new("sh");
    let made = command.arg(script).arg(repository.path()).status().unwrap();
    assert!(made.success());
    repository
}

/// The bodies of a file's messages.
fn bodies(name: &str) -> Vec<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("events/{name}.json"));
    let event: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let records = event["Records"].as_array().unwrap().iter();
    let body = |record: &Value| record["body"].as_str().unwrap().to_owned();
    records.map(body).collect()
}

/// Sends a file's only message to a deployment's queue.
async fn send(world: &World, name: &str) -> Repository {
    let repository = sample();
    world.serve("sample", &repository);
    world.send_body(&bodies(name)[0], "sample");
    world.settle().await;
    repository
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_is_built_skipped_or_rejected() {
    let politeness = "feature/politeness";
    for (name, branch, revision, class) in [
        ("push", "main", "main~1", ""),
        ("new-branch", politeness, politeness, ""),
        ("merge", "main", "main", ""),
        ("tag", "", "", "excluded"),
        ("deletion", "", "", "reference_deleted"),
        ("excluded-branch", "", "", "excluded"),
        ("not-json", "", "", "reject"),
    ] {
        let world = World::start().await;
        let repository = send(&world, name).await;
        let mut lines = world.outcomes("failed");
        lines.extend(world.outcomes("skipped"));
        assert!(lines.iter().all(|line| line["class"] == class), "{name}");
        assert_eq!(world.dead_letters(), usize::from(class == "reject"));
        let is_built = class.is_empty();
        assert_eq!(
            [lines.is_empty(), !world.bundles().is_empty()],
            [is_built; 2],
            "{name}"
        );
        if is_built {
            world.assert_built(&repository, &repository.git(&["rev-parse", revision]));
            assert_eq!(world.build().variable("BRANCH_NAME"), Some(branch));
        } else {
            assert!(world.builds().is_empty(), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_is_asked_for_is_built() {
    let world = World::with_env(&[("INCLUDE_REFERENCES", "refs/tags/v*")]).await;
    send(&world, "tag").await;
    let build = world.build();
    let commit = build.variable("COMMIT_ID").unwrap().to_owned();
    assert_eq!(build.variable("TAG_NAME"), Some("v1.0"));
    assert_eq!(build.variable("REFERENCE_TYPE"), Some("tag"));
    assert_eq!(build.variable("BRANCH_NAME"), None);
    assert_eq!(world.bundles(), [format!("sample/.tags/v1.0/{commit}.zip")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_with_a_bad_message_the_others_are_built_in_order() {
    let world = World::start().await;
    let repository = sample();
    world.serve("sample", &repository);
    let bodies = bodies("batch-with-a-bad-message");
    let ids = world.send_as_one_batch(&bodies).await;
    world.settle().await;
    let dead = world.deployment.dead_letters();
    assert_eq!(dead.len(), 1);
    let bad = bodies
        .iter()
        .position(|body| *body == dead[0].body)
        .unwrap();
    let batches = world.batches();
    let batch = batches.iter().find(|batch| batch.message_ids == ids);
    let batch = batch.expect("all ten came as one batch");
    assert_eq!(batch.kept, [ids[bad].clone()]);
    assert_eq!(batch.deleted.len(), 9);
    let mut builds = world.builds();
    builds.retain(|build| build.project == "sample");
    assert_eq!(builds.len(), 9);
    for build in &builds {
        let commit = build.variable("COMMIT_ID").unwrap();
        world.judge(build, &repository, commit).unwrap();
    }
    builds.retain(|build| build.variable("BRANCH_NAME") == Some("main"));
    let built = builds
        .iter()
        .map(|build| build.variable("COMMIT_ID").unwrap());
    let in_order = ["main~2^", "main~2", "main~1", "main"];
    assert!(built.eq(in_order.map(|revision| repository.git(&["rev-parse", revision]))));
}

#[test]
fn every_record_is_as_sqs_and_lambda_make_it() {
    for file in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("events")).unwrap() {
        let path = file.unwrap().path();
        if path.ends_with("local-aws.json") {
            // Environment variables for `sam local`, not an event.
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let event: aws_lambda_events::event::sqs::SqsEvent = serde_json::from_str(&text).unwrap();
        assert!(!event.records.is_empty(), "{}", path.display());
        for record in event.records {
            assert!(record.message_id.is_some_and(|id| !id.is_empty()));
            assert_eq!(record.attributes["ApproximateReceiveCount"], "1");
            assert_eq!(record.attributes["MessageGroupId"], "sample");
        }
    }
}
