//! The files in `events/`, each sent as it is through the whole chain.

use std::path::Path;
use std::process::Command;

use crate::setup::prelude::*;
use pushbuild_local::codebuild::Build;
use serde_json::Value;

/// The repository of README's quick start.
fn sample() -> Repository {
    let repository = Repository::unborn();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("local/sample-repository.sh");
    let mut command = Command::new("sh");
    let made = command.arg(script).arg(repository.path()).status().unwrap();
    assert!(made.success());
    repository
}

fn event(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("events/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

struct Sent {
    world: World,
    repository: Repository,
}

/// Sends the records of a file to the queue.
async fn send(name: &str) -> Sent {
    send_to(World::start().await, name).await
}

async fn send_to(world: World, name: &str) -> Sent {
    let repository = sample();
    world.serve("sample", &repository);
    for record in event(name)["Records"].as_array().unwrap() {
        world.send_body(record["body"].as_str().unwrap(), "sample");
    }
    world.settle().await;
    Sent { world, repository }
}

impl Sent {
    /// Branch or tag, and commit, of each build; all bundles are exact.
    fn built(&self) -> Vec<(String, String)> {
        let pushed = |build: Build| {
            let commit = build.variable("COMMIT_ID").unwrap();
            assert_exact(
                &self.world.bundle_of(&build),
                self.repository.path(),
                commit,
            );
            let branch = build.variable("BRANCH_NAME");
            let name = branch.or(build.variable("TAG_NAME")).unwrap();
            (name.to_owned(), commit.to_owned())
        };
        self.world.builds().into_iter().map(pushed).collect()
    }

    fn commit(&self, revision: &str) -> String {
        self.repository.git(&["rev-parse", revision])
    }

    fn assert_nothing_built(&self) {
        assert!(self.world.builds().is_empty());
        assert!(self.world.bundles().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn push() {
    let sent = send("push").await;
    assert_eq!(sent.built(), [("main".to_owned(), sent.commit("main~1"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_branch() {
    let sent = send("new-branch").await;
    let name = "feature/politeness";
    assert_eq!(sent.built(), [(name.to_owned(), sent.commit(name))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn merge() {
    let sent = send("merge").await;
    assert_eq!(sent.built(), [("main".to_owned(), sent.commit("main"))]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_is_not_built_unless_it_is_asked_for() {
    let sent = send("tag").await;
    sent.assert_nothing_built();
    assert_eq!(sent.world.outcomes("skipped").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_is_asked_for_is_built() {
    let world = World::with_env(&[("INCLUDE_REFERENCES", "refs/tags/v*")]).await;
    let sent = send_to(world, "tag").await;
    let world = &sent.world;
    let build = world.build();
    let commit = build.variable("COMMIT_ID").unwrap().to_owned();
    assert_eq!(build.variable("TAG_NAME"), Some("v1.0"));
    assert_eq!(build.variable("REFERENCE_TYPE"), Some("tag"));
    assert_eq!(build.variable("BRANCH_NAME"), None);
    assert_eq!(world.bundles(), [format!("sample/.tags/v1.0/{commit}.zip")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn deletion() {
    let sent = send("deletion").await;
    sent.assert_nothing_built();
    assert_eq!(sent.world.dead_letters(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn excluded_branch() {
    let sent = send("excluded-branch").await;
    sent.assert_nothing_built();
    assert_eq!(sent.world.dead_letters(), 0);
    let skipped = &sent.world.outcomes("skipped")[0];
    let why = skipped["why"].as_str().unwrap();
    assert!(why.contains("refs/heads/develop"), "{skipped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn not_json() {
    let sent = send("not-json").await;
    sent.assert_nothing_built();
    assert_eq!(sent.world.dead_letters(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_with_a_bad_message() {
    let sent = send("batch-with-a-bad-message").await;
    assert_eq!(sent.built().len(), 9);
    assert_eq!(sent.world.dead_letters(), 1);
    let of_main: Vec<_> = sent
        .built()
        .into_iter()
        .filter(|(branch, _)| branch == "main")
        .map(|(_, commit)| commit)
        .collect();
    let in_order = ["main~2^", "main~2", "main~1", "main"].map(|revision| sent.commit(revision));
    assert_eq!(of_main, in_order);
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
