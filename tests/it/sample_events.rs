//! The files in `events/`, each sent as it is through the whole chain.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::setup::World;
use crate::setup::bundle::assert_exact;
use serde_json::Value;

fn sample() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("local/sample-repository.sh");
    assert!(
        Command::new("sh")
            .arg(script)
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    (folder, path)
}

fn event(name: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("events/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

struct Sent {
    world: World,
    repository: PathBuf,
    _folder: tempfile::TempDir,
}

/// Sends the records of a file to the queue.
async fn send(name: &str) -> Sent {
    let world = World::start().await;
    let (folder, repository) = sample();
    world
        .aws
        .codecommit()
        .add_repository("sample", &repository)
        .unwrap();
    for record in event(name)["Records"].as_array().unwrap() {
        world
            .deployment
            .send_body(record["body"].as_str().unwrap(), "sample")
            .unwrap();
    }
    world.settle().await;
    Sent {
        world,
        repository,
        _folder: folder,
    }
}

impl Sent {
    /// Branch or tag, and commit, of each build; all bundles are exact.
    fn built(&self) -> Vec<(String, String)> {
        self.world
            .builds()
            .iter()
            .map(|build| {
                let commit = build.variable("COMMIT_ID").unwrap();
                assert_exact(&self.world.bundle_of(build), &self.repository, commit);
                let name = build
                    .variable("BRANCH_NAME")
                    .or(build.variable("TAG_NAME"))
                    .unwrap();
                (name.to_owned(), commit.to_owned())
            })
            .collect()
    }

    fn commit(&self, revision: &str) -> String {
        let output = Command::new("git")
            .arg("-C")
            .arg(&self.repository)
            .args(["rev-parse", revision])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
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
    let world = World::with(|options| {
        options
            .env
            .insert("INCLUDE_REFERENCES".to_owned(), "refs/tags/v*".to_owned());
    })
    .await;
    let (_folder, repository) = sample();
    world
        .aws
        .codecommit()
        .add_repository("sample", &repository)
        .unwrap();
    let body = event("tag")["Records"][0]["body"]
        .as_str()
        .unwrap()
        .to_owned();
    world.deployment.send_body(&body, "sample").unwrap();
    world.settle().await;
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
    assert!(sent.world.deployment.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn excluded_branch() {
    let sent = send("excluded-branch").await;
    sent.assert_nothing_built();
    assert!(sent.world.deployment.dead_letters().is_empty());
    let skipped = &sent.world.outcomes("skipped")[0];
    assert!(
        skipped["why"]
            .as_str()
            .unwrap()
            .contains("refs/heads/develop"),
        "{skipped}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn not_json() {
    let sent = send("not-json").await;
    sent.assert_nothing_built();
    assert_eq!(sent.world.deployment.dead_letters().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn batch_with_a_bad_message() {
    let sent = send("batch-with-a-bad-message").await;
    assert_eq!(sent.built().len(), 9);
    assert_eq!(sent.world.deployment.dead_letters().len(), 1);
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
