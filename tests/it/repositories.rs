//! Which repositories are built: those that `REPOSITORIES` lists, by name or by pattern.

use crate::setup::prelude::*;

/// A deployment for these repositories, without any project.
async fn world(repositories: &str) -> (World, Repository, String) {
    let world = World::with_env(&[("REPOSITORIES", repositories)]).await;
    world.aws.codebuild().accept_any_project(false);
    let (repository, commit) = Repository::small();
    world.serve("shop", &repository);
    (world, repository, commit)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_only_a_pattern_lists_is_skipped_without_a_project() {
    let (world, _repository, commit) = world("site,sh*").await;
    world.push("shop", "main", &commit).await;
    assert!(world.builds().is_empty());
    assert_eq!(world.dead_letters(), 0);
    assert_eq!(world.outcomes("skipped")[0]["class"], "no_project");
    assert_eq!(world.calls(Service::CodeCommit, "GetCommit"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_push_after_its_project_is_made_is_built_though_one_before_it_was_skipped() {
    let (world, repository, commit) = world("site,sh*").await;
    world.push("shop", "before", &commit).await;
    assert_eq!(world.outcomes("skipped").len(), 1);
    world.aws.codebuild().add_project("shop");
    // The function's own clock: it takes an answer for true for two seconds.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let event = world.push("shop", "main", &commit).await;
    world.assert_built_once(&event, &repository, &commit);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_made_after_the_deployment_is_served_by_the_same_process() {
    let (world, repository, commit) = world("*").await;
    world.push("shop", "main", &commit).await;
    assert_eq!(world.outcomes("skipped").len(), 1);
    world.serve("tomorrow", &repository);
    world.aws.codebuild().add_project("tomorrow");
    let event = world.push("tomorrow", "main", &commit).await;
    world.assert_built_once(&event, &repository, &commit);
    let calls = world.aws.calls().list().into_iter();
    let callers = calls.filter_map(|call| call.access_key_id);
    let publish = callers.filter(|key| key.starts_with("LOCALFUNCTIONPUB"));
    let processes: std::collections::BTreeSet<String> = publish.collect();
    assert_eq!(processes.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_listed_by_name_fails_without_a_project_and_says_so() {
    let (world, _repository, commit) = world("*,shop").await;
    world.push("shop", "main", &commit).await;
    assert_eq!(world.dead_letters(), 1);
    world.assert_failed("refused_by_aws", "project/shop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_is_not_listed_is_skipped_without_a_call() {
    let (world, _repository, commit) = world("site,team-*").await;
    let before = world.aws.calls().list().len();
    world.push("shop", "main", &commit).await;
    assert_eq!(world.outcomes("skipped")[0]["class"], "not_selected");
    assert_eq!(world.aws.calls().list().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_no_project_can_have_is_said_with_what_to_set() {
    let (world, repository, commit) = world("_x").await;
    world.serve("_x", &repository);
    world.push("_x", "main", &commit).await;
    assert_eq!(world.dead_letters(), 1);
    world.assert_failed("reject", "project `_x`, which CodeBuild cannot have");
    let advice = &world.outcomes("failed")[0]["advice"];
    assert!(advice.to_string().contains("CODEBUILD_PROJECT"), "{advice}");
    assert_eq!(world.calls(Service::CodeCommit, "GetCommit"), 0);
}
