//! One push through the whole chain: queue, mapping, function, CodeCommit, S3, CodeBuild.

use serde_json::json;

use crate::setup::bundle::assert_python_takes;
use crate::setup::prelude::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_push_becomes_one_exact_bundle_and_one_build() {
    let world = World::with_env(&[("REPOSITORIES", "shop")]).await;
    let (repository, commit) = Repository::small();
    world.serve("shop", &repository);
    let event = world.push("shop", "feature/x", &commit).await;
    world.assert_built(&repository, &commit);
    let build = world.build();
    assert_python_takes(&world.bundle_of(&build));
    // A first delivery asks neither S3 nor CodeBuild what is there.
    assert_eq!(world.calls(Service::S3, "HeadObject"), 0);
    assert_eq!(world.calls(Service::CodeBuild, "ListBuildsForProject"), 0);
    let key = format!("shop/feature/x/{commit}.zip");
    assert_eq!(world.bundles(), std::slice::from_ref(&key));
    let stored = world.aws.s3.objects(&world.deployment.bucket).remove(0);
    let tree = repository.git(&["rev-parse", &format!("{commit}^{{tree}}")]);
    let metadata = |name: &str| stored.metadata.get(name).map(String::as_str);
    assert_eq!(metadata("commit-id"), Some(commit.as_str()));
    assert_eq!(metadata("event-id"), Some(event.as_str()));
    assert_eq!(metadata("format"), Some("2"));
    assert_eq!(metadata("tree-id"), Some(tree.as_str()));

    let variable = |(name, value)| json!({"name": name, "value": value, "type": "PLAINTEXT"});
    let variables = [
        ("COMMIT_ID", commit.as_str()),
        ("REPOSITORY_NAME", "shop"),
        ("REPOSITORY_ACCOUNT", "000000000000"),
        ("REPOSITORY_REGION", "eu-west-1"),
        ("REFERENCE_NAME", "refs/heads/feature/x"),
        ("REFERENCE_TYPE", "branch"),
        ("BRANCH_NAME", "feature/x"),
        ("PUSH_EVENT_ID", event.as_str()),
    ];
    let request = json!({
        "projectName": "shop",
        "sourceTypeOverride": "S3",
        "sourceLocationOverride": format!("pushbuild-bundles/{key}"),
        "sourceVersion": stored.version_id,
        "environmentVariablesOverride": variables.map(variable),
        "artifactsOverride": {"type": "NO_ARTIFACTS"},
        "idempotencyToken": event,
    });
    assert_eq!(build.request, request);
    assert_eq!(world.dead_letters(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_keeps_its_artifacts_where_artifacts_says_so() {
    let world = World::with_env(&[("ARTIFACTS", "project")]).await;
    world.push_shop(&Repository::small()).await;
    assert_eq!(world.build().request.get("artifactsOverride"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_blob_is_fetched_once_and_an_empty_commit_has_an_empty_bundle() {
    let names = [("a", FILE), ("b/c", FILE), ("d", EXECUTABLE), ("e", LINK)];
    let names = names.map(|(name, mode)| (name, mode, "the same under many names"));
    for (names, fetched) in [(&names[..], 1), (&[], 0)] {
        let world = World::start().await;
        let shop = Repository::of(names.iter().copied());
        world.push_shop(&shop).await;
        world.assert_built(&shop.0, &shop.1);
        let fetches = ["GetFile", "GetBlob"].map(|fetch| world.calls(Service::CodeCommit, fetch));
        assert_eq!(fetches.iter().sum::<usize>(), fetched);
    }
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
    Repository::of_noise(files, 3_000_000, |n| format!("noise-{n}"))
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
    world.push_shop(&Repository::small()).await;
    assert!(world.bundles().is_empty(), "{}", world.log());
    assert!(world.builds().is_empty());
    let failed = world.outcomes("failed").remove(0);
    let error = failed["error"].as_str().unwrap();
    assert!(error.contains("S3 PutObject"), "{error}");
    assert!(error.contains("AccessDenied"), "{error}");
}
