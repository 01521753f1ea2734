//! One push through the whole chain: queue, mapping, function, CodeCommit, S3, CodeBuild.

use std::time::Duration;

use crate::setup::bundle::{assert_exact, entries_of};
use crate::setup::{Mode, Repository, World};
use pushbuild_local::calls::Service;
use pushbuild_local::faults::{Action, Rule};

const FILES: &[crate::setup::repository::FileOf<'static>] = &[
    (b"README.md", Mode::File, b"# Shop\n"),
    (b"bin/run", Mode::Executable, b"#!/bin/sh\n"),
    (b"docs/readme", Mode::Link, b"../README.md"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_push_becomes_one_exact_bundle_and_one_build() {
    let world = World::start().await;
    let (repository, commit) = Repository::of(FILES);
    world.serve("shop", &repository);

    let event = world.push("shop", "feature/x", &commit).await;

    let build = world.build();
    assert_exact(&world.bundle_of(&build), repository.path(), &commit);
    let key = format!("shop/feature/x/{commit}.zip");
    assert_eq!(world.bundles(), std::slice::from_ref(&key));
    let stored = world.aws.s3().objects(world.deployment.bucket()).remove(0);
    let tree = repository.git(&["rev-parse", &format!("{commit}^{{tree}}")]);
    let metadata: Vec<_> = stored.metadata.into_iter().collect();
    assert_eq!(
        metadata,
        [
            ("commit-id".to_owned(), commit.clone()),
            ("event-id".to_owned(), event.clone()),
            ("format".to_owned(), "1".to_owned()),
            ("tree-id".to_owned(), tree),
        ]
    );

    assert_eq!(build.project, "shop");
    assert_eq!(build.source_type, "S3");
    assert_eq!(
        build.source_location,
        Some(format!("pushbuild-bundles/{key}"))
    );
    assert_eq!(build.source_version, Some(stored.version_id));
    let variables: Vec<_> = build
        .environment
        .iter()
        .map(|variable| {
            (
                variable.name.as_str(),
                variable.value.as_str(),
                variable.kind.as_str(),
            )
        })
        .collect();
    assert_eq!(
        variables,
        [
            ("COMMIT_ID", commit.as_str(), "PLAINTEXT"),
            ("REPOSITORY_NAME", "shop", "PLAINTEXT"),
            ("REPOSITORY_ACCOUNT", "000000000000", "PLAINTEXT"),
            ("REPOSITORY_REGION", "eu-west-1", "PLAINTEXT"),
            ("REFERENCE_NAME", "refs/heads/feature/x", "PLAINTEXT"),
            ("REFERENCE_TYPE", "branch", "PLAINTEXT"),
            ("BRANCH_NAME", "feature/x", "PLAINTEXT"),
            ("PUSH_EVENT_ID", event.as_str(), "PLAINTEXT"),
        ]
    );
    assert_eq!(build.request["artifactsOverride"]["type"], "NO_ARTIFACTS");
    assert_eq!(build.request["idempotencyToken"], event.as_str());
    assert!(world.deployment.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_delivery_asks_neither_s3_nor_codebuild_what_is_there() {
    let world = World::with(|options| {
        let by_name = ("REPOSITORIES".to_owned(), "shop".to_owned());
        options.env.extend([by_name]);
    })
    .await;
    let (repository, commit) = Repository::of(FILES);
    world.serve("shop", &repository);
    world.push("shop", "main", &commit).await;
    world.build();
    assert_eq!(world.calls(Service::S3, "HeadObject"), 0);
    assert_eq!(world.calls(Service::CodeBuild, "ListBuildsForProject"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_blob_is_fetched_once() {
    let world = World::start().await;
    let same = b"the same under many names";
    let (repository, commit) = Repository::of(&[
        (b"a", Mode::File, same),
        (b"b/c", Mode::File, same),
        (b"d", Mode::Executable, same),
        (b"e", Mode::Link, same),
    ]);
    world.serve("shop", &repository);
    world.push("shop", "main", &commit).await;
    assert_exact(&world.bundle_of(&world.build()), repository.path(), &commit);
    let calls =
        world.calls(Service::CodeCommit, "GetFile") + world.calls(Service::CodeCommit, "GetBlob");
    assert_eq!(calls, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_files_has_an_empty_bundle() {
    let world = World::start().await;
    let (repository, commit) = Repository::of(&[]);
    world.serve("shop", &repository);
    world.push("shop", "main", &commit).await;
    assert!(entries_of(&world.bundle_of(&world.build())).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_moved_back_is_a_new_push_with_a_new_build() {
    let world = World::start().await;
    let (repository, first) = Repository::of(FILES);
    let second = repository.commit("main", &[(b"only", Mode::File, b"this")]);
    world.serve("shop", &repository);
    for (commit, old) in [
        (&first, None),
        (&second, Some(&first)),
        (&first, Some(&second)),
    ] {
        world
            .deployment
            .send_push("shop", "main", commit, old.map(String::as_str))
            .unwrap();
        world.settle().await;
    }
    let builds = world.builds();
    let commits: Vec<_> = builds
        .iter()
        .map(|build| build.variable("COMMIT_ID").unwrap())
        .collect();
    assert_eq!(commits, [&first, &second, &first]);
    assert_eq!(
        builds[2].variable("PREVIOUS_COMMIT_ID"),
        Some(second.as_str())
    );
    assert_ne!(builds[0].source_version, builds[2].source_version);
}

/// Large bundles take their time on a busy machine, where a message would be visible again after
/// 3.6 seconds: the queue's clock is a hundred times as fast as the function's.
async fn patient() -> World {
    World::with(|options| options.visibility_timeout = Some(Duration::from_hours(10))).await
}

/// A commit whose bundle has so many times 3 MB.
fn large(files: usize) -> (Repository, String) {
    Repository::of_noise(0, files, 3_000_000, |n| format!("noise-{n}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_of_less_than_two_parts_is_uploaded_in_one_call() {
    let world = patient().await;
    let (repository, commit) = large(5);
    world.serve("shop", &repository);
    world.push("shop", "main", &commit).await;
    assert_exact(&world.bundle_of(&world.build()), repository.path(), &commit);
    assert_eq!(world.calls(Service::S3, "PutObject"), 1);
    assert_eq!(world.calls(Service::S3, "UploadPart"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_of_two_parts_and_more_is_uploaded_in_parts_and_is_just_as_exact() {
    let world = patient().await;
    let (repository, commit) = large(7);
    world.serve("shop", &repository);
    world.push("shop", "main", &commit).await;
    assert_exact(&world.bundle_of(&world.build()), repository.path(), &commit);
    assert!(world.calls(Service::S3, "UploadPart") >= 2);
    assert!(unfinished(&world).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_refused_midway_is_given_up_and_leaves_no_parts_to_pay_for() {
    let world = patient().await;
    let (repository, commit) = large(7);
    world.serve("shop", &repository);
    let denied = Action::Exception {
        code: "AccessDenied".to_owned(),
        status: 403,
        message: "no".to_owned(),
    };
    let faults = world.aws.faults();
    faults.add(
        Rule::new(denied)
            .operation("UploadPart")
            .between(2, u64::MAX),
    );
    world.push("shop", "main", &commit).await;
    assert!(world.builds().is_empty());
    assert_eq!(world.deployment.dead_letters().len(), 1);
    assert!(world.calls(Service::S3, "AbortMultipartUpload") >= 1);
    assert!(unfinished(&world).is_empty());
    assert!(world.bundles().is_empty());
}

fn unfinished(world: &World) -> Vec<String> {
    let uploads = world.aws.s3().unfinished_uploads(world.deployment.bucket());
    uploads.iter().map(|upload| format!("{upload:?}")).collect()
}
