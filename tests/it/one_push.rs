//! One push through the whole chain: queue, mapping, function, CodeCommit, S3, CodeBuild.

use serde_json::json;

use crate::setup::bundle::assert_python_takes;
use crate::setup::prelude::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_push_becomes_one_exact_bundle_and_one_build() {
    let world = World::start().await;
    let (repository, commit) = Repository::small();
    world.serve("shop", &repository);

    let event = world.push("shop", "feature/x", &commit).await;

    world.assert_built(&repository, &commit);
    let build = world.build();
    assert_python_takes(&world.bundle_of(&build));
    let key = format!("shop/feature/x/{commit}.zip");
    assert_eq!(world.bundles(), std::slice::from_ref(&key));
    let stored = world.aws.s3().objects(world.deployment.bucket()).remove(0);
    let tree = repository.git(&["rev-parse", &format!("{commit}^{{tree}}")]);
    let metadata = |name: &str| stored.metadata.get(name).map(String::as_str);
    assert_eq!(metadata("commit-id"), Some(commit.as_str()));
    assert_eq!(metadata("event-id"), Some(event.as_str()));
    assert_eq!(metadata("format"), Some("2"));
    assert_eq!(metadata("tree-id"), Some(tree.as_str()));

    assert_eq!(build.project, "shop");
    assert_eq!(build.source_type, "S3");
    let location = format!("pushbuild-bundles/{key}");
    assert_eq!(build.source_location, Some(location));
    assert_eq!(build.source_version, Some(stored.version_id));
    let variables = build.environment.iter();
    let variables: Vec<_> = variables
        .map(|variable| (&*variable.name, &*variable.value, &*variable.kind))
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
    assert_eq!(build.request["idempotencyToken"], event.as_str());
    assert_eq!(world.dead_letters(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_delivery_asks_neither_s3_nor_codebuild_what_is_there() {
    let world = World::with_env(&[("REPOSITORIES", "shop")]).await;
    world.push_shop(&Repository::small()).await;
    world.build();
    assert_eq!(world.calls(Service::S3, "HeadObject"), 0);
    assert_eq!(world.calls(Service::CodeBuild, "ListBuildsForProject"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projects_artifacts_are_overridden_unless_artifacts_says_project() {
    let none = json!({"type": "NO_ARTIFACTS"});
    for (artifacts, expected) in [("none", Some(&none)), ("project", None)] {
        let world = World::with_env(&[("ARTIFACTS", artifacts)]).await;
        world.push_shop(&Repository::small()).await;
        let request = world.build().request;
        assert_eq!(request.get("artifactsOverride"), expected, "{artifacts}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_blob_is_fetched_once() {
    let world = World::start().await;
    let same = b"the same under many names";
    let shop = Repository::of(&[
        (b"a", Mode::File, same),
        (b"b/c", Mode::File, same),
        (b"d", Mode::Executable, same),
        (b"e", Mode::Link, same),
    ]);
    world.push_shop(&shop).await;
    world.assert_built(&shop.0, &shop.1);
    let calls =
        world.calls(Service::CodeCommit, "GetFile") + world.calls(Service::CodeCommit, "GetBlob");
    assert_eq!(calls, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_without_files_has_an_empty_bundle() {
    let world = World::start().await;
    world.push_shop(&Repository::of(&[])).await;
    assert!(entries_of(&world.bundle_of(&world.build())).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_moved_back_is_a_new_push_with_a_new_build() {
    let world = World::start().await;
    let (repository, commits) = Repository::of_history(2);
    let [first, second] = [&commits[0], &commits[1]];
    world.serve("shop", &repository);
    world.push("shop", "main", first).await;
    for [commit, old] in [[second, first], [first, second]] {
        world.send("shop", "main", commit, Some(old));
        world.settle().await;
    }
    assert_eq!(
        world.built("shop"),
        [first, second, first].map(String::clone)
    );
    let builds = world.builds();
    assert_eq!(
        builds[2].variable("PREVIOUS_COMMIT_ID"),
        Some(second.as_str())
    );
    assert_ne!(builds[0].source_version, builds[2].source_version);
}

/// A commit whose bundle has so many times 3 MB.
fn large(files: usize) -> (Repository, String) {
    Repository::of_noise(0, files, 3_000_000, |n| format!("noise-{n}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_of_less_than_two_parts_is_uploaded_in_one_call_and_others_in_parts_just_as_exact()
{
    for (files, objects, parts) in [(5, 1, 0), (6, 0, 2)] {
        let world = World::start().await;
        let shop = large(files);
        world.push_shop(&shop).await;
        world.assert_built(&shop.0, &shop.1);
        assert_eq!(world.calls(Service::S3, "PutObject"), objects);
        let sent = world.calls(Service::S3, "UploadPart");
        assert!(sent >= parts && (sent == 0) == (parts == 0), "{sent}");
        assert_eq!(world.unfinished_uploads(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_refused_midway_is_given_up_and_leaves_no_parts_to_pay_for() {
    let world = World::with(|deploy| deploy.max_receive_count = 1).await;
    world.fault(denied("UploadPart").between(2, u64::MAX));
    world.push_shop(&large(6)).await;
    assert!(world.builds().is_empty());
    assert_eq!(world.dead_letters(), 1);
    assert!(world.calls(Service::S3, "AbortMultipartUpload") >= 1);
    assert_eq!(world.unfinished_uploads(), 0);
    assert!(world.bundles().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_belongs_to_somebody_else_gets_nothing() {
    let world = World::with_env(&[("BUCKET_OWNER", "999999999999")]).await;
    world
        .push_shop(&Repository::of(&[(b"a", Mode::File, b"a")]))
        .await;
    assert!(world.bundles().is_empty(), "{}", world.log());
    assert!(world.builds().is_empty());
    let failed = world.outcomes("failed").remove(0);
    let error = failed["error"].as_str().unwrap();
    assert!(error.contains("S3 PutObject"), "{error}");
    assert!(error.contains("AccessDenied"), "{error}");
}
