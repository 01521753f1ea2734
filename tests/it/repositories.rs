//! Which repositories are built: those that `REPOSITORIES` lists, by name or by pattern.

use crate::setup::prelude::*;

/// A deployment for these repositories, without any project.
async fn world(repositories: &str) -> (World, Repository, String) {
    let world = World::with_env(&[("REPOSITORIES", repositories)]).await;
    world.aws.codebuild.accept_any_project(false);
    let (repository, commit) = Repository::small();
    world.serve("shop", &repository);
    (world, repository, commit)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_serves_projects_and_repositories_that_are_made_after_it_skipped_a_push() {
    let (world, repository, commit) = world("*").await;
    world.push("shop", "before", &commit).await;
    let asked = world.calls(Service::CodeCommit, "GetCommit");
    // The function's own clock: it takes an answer for true for two seconds.
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.push("shop", "again", &commit).await;
    assert_eq!(world.outcomes("skipped").len(), 2);
    // A project that was missing is asked for before anything else.
    let projects = world.calls(Service::CodeBuild, "ListBuildsForProject");
    assert_eq!(projects, 2);
    assert_eq!(world.calls(Service::CodeCommit, "GetCommit"), asked);
    world.aws.codebuild.add_project("shop");
    tokio::time::sleep(Duration::from_secs(2)).await;
    world.serve("tomorrow", &repository);
    world.aws.codebuild.add_project("tomorrow");
    for name in ["shop", "tomorrow"] {
        let event = world.push(name, "main", &commit).await;
        world.assert_built_once(&event, &repository, &commit);
    }
    let calls = world.aws.calls.list().into_iter();
    let callers = calls.filter_map(|call| call.access_key_id);
    let publish = callers.filter(|key| key.starts_with("LOCALFUNCTIONPUB"));
    let processes: std::collections::BTreeSet<String> = publish.collect();
    assert_eq!(processes.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_without_a_project_or_a_listed_repository_is_skipped_or_fails_and_says_why() {
    let cannot = "project `_x`, which CodeBuild cannot have";
    for (listed, name, class, said, calls) in [
        ("site,team-*", "shop", "not_selected", ["shop"; 2], 0),
        // ListBuildsForProject, and beside it GetCommit and ListObjectsV2.
        ("site,sh*", "shop", "no_project", ["shop"; 2], 3),
        ("_x", "_x", "reject", [cannot, "CODEBUILD_PROJECT"], 0),
        // Up to StartBuild, and ListBuildsForProject of the second delivery.
        ("*,shop", "shop", "refused_by_aws", ["project/shop"; 2], 11),
    ] {
        let (world, repository, commit) = world(listed).await;
        world.serve(name, &repository);
        world.push(name, "main", &commit).await;
        assert!(world.builds().is_empty());
        let failed = world.outcomes("failed");
        assert_eq!(world.dead_letters(), failed.len().min(1), "{listed}");
        let lines = [failed, world.outcomes("skipped")].concat();
        let line = lines[0].to_string();
        assert_eq!(lines[0]["class"], class, "{line}");
        assert!(said.iter().all(|part| line.contains(part)), "{line}");
        let called = world.aws.calls.list();
        let called = called.iter().filter(|call| call.service != Service::Sqs);
        assert_eq!(called.count(), calls, "{listed}");
    }
}
