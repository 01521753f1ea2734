//! What AWS refuses in ordinary operation, and what becomes of the push then.

use serde_json::json;

use crate::setup::prelude::*;

/// IAM's answer to the first calls of a new role.
fn not_authorized() -> Rule {
    let message = "User is not authorized to perform this";
    exception("AccessDeniedException", message)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_eventbridge_delivers_twice_finds_its_build_behind_hundreds_of_newer_ones() {
    let world = World::start().await;
    let (repository, commit) = Repository::small();
    world.serve("shop", &repository);
    let event = RepositoryEvent::created("shop", "refs/heads/main", &commit);
    world.deployment.send_event(&event).unwrap();
    world.settle().await;
    world.aws.clock.advance(Duration::from_mins(10));
    let mut newer = world.build().request;
    newer["environmentVariablesOverride"] = json!([]);
    for number in 0..250 {
        newer["idempotencyToken"] = json!(format!("newer-{number}"));
        let started = world.aws.codebuild.call("StartBuild", newer.clone());
        started.unwrap();
    }
    world.deployment.send_event(&event).unwrap();
    world.settle().await;
    world.assert_built_once(&event.id, &repository, &commit);
    assert_eq!(world.outcomes("already_built").len(), 1, "{}", world.log());
    assert_eq!(world.dead_letters(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_at_its_own_limit_of_builds_loses_no_push() {
    let world = World::with(|options| options.max_receive_count = 5).await;
    let repository = Repository::empty();
    world.serve("shop", &repository);
    world.aws.codebuild.set_project_limit("shop", 1);
    let mut pushes = Vec::new();
    for branch in ["a", "b", "c"] {
        let commit = repository.commit(branch, [("a", FILE, branch)]);
        pushes.push((world.send("shop", branch, &commit, None), commit));
    }
    world.settle().await;
    for (event, commit) in &pushes {
        world.assert_built_once(event, &repository, commit);
    }
    world.assert_failed("retry", "");
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_permissions_cost_a_wait_and_neither_a_push_nor_the_order() {
    let world = World::with(|options| options.max_receive_count = 5).await;
    let (repository, commits) = Repository::of_history(2);
    world.serve("shop", &repository);
    world.fault(not_authorized().on(Service::CodeBuild).times(1));
    let begun = world.aws.clock.now();
    world.send_all("shop", "main", &commits);
    world.settle().await;
    assert_eq!(world.built("shop"), commits, "{}", world.log());
    assert_eq!(world.dead_letters(), 0);
    assert_eq!(world.outcomes("failed")[0]["class"], "refused_by_aws");
    assert!(world.passed(begun) >= Duration::from_mins(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_sqs_does_not_answer_a_failure_does_not_cost_the_pushes_that_succeeded() {
    let world = World::with(|options| {
        options.timeout = Duration::from_secs(6);
        options.max_receive_count = 5;
    })
    .await;
    let (repository, commit) = Repository::small();
    world.serve("shop", &repository);
    world.serve("broken", &repository);
    world.fault(latency(60_000).on(Service::Sqs));
    world.fault(not_authorized().on(Service::CodeCommit).about("broken"));
    for (name, branch) in [
        ("broken", "a"),
        ("broken", "a"),
        ("shop", "b"),
        ("shop", "c"),
    ] {
        let event = RepositoryEvent::created(name, &format!("refs/heads/{branch}"), &commit);
        world.send_body(&event.json(), "one");
    }
    let failed = |world: &World| world.batches().iter().any(|batch| !batch.kept.is_empty());
    world.until("an answer that tells a failure", failed).await;
    let built = |world: &World| world.builds().len() == 2;
    world.until("two builds", built).await;
    world.batches();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_no_bundle_can_hold_is_built_from_the_commit_it_points_to() {
    let world = World::with_env(&[("INCLUDE_REFERENCES", "refs/tags/**")]).await;
    let (repository, commit) = Repository::group_writable();
    let tag = format!("object {commit}\ntype commit\ntag v1\ntagger T <t@t> 0 +0000\n\nfirst\n");
    let tag = repository.git_with(&["mktag"], tag.as_bytes());
    repository.git(&["update-ref", "refs/tags/v1", &tag]);
    world.serve("shop", &repository);
    world.push("shop", "refs/tags/v1", &tag).await;
    let build = world.build();
    assert_eq!(build.source_type, "CODECOMMIT");
    let version = format!("refs/tags/v1^{{{commit}}}");
    assert_eq!(build.source_version, Some(version));
    assert_eq!(build.variable("COMMIT_ID"), Some(commit.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_of_codecommit_comes_with_what_can_be_done_about_it() {
    let world = World::with(|deploy| deploy.max_receive_count = 1).await;
    let (repository, commit) = Repository::small();
    let refusals = [
        ("RepositoryDoesNotExistException", "create what is missing"),
        ("CommitIdDoesNotExistException", "see whether the commit"),
        ("EncryptionKeyAccessDeniedException", "grant the permission"),
        ("EncryptionKeyDisabledException", "grant the permission"),
        ("EncryptionKeyNotFoundException", "grant the permission"),
        ("InvalidRepositoryNameException", "correct the config"),
    ];
    for (code, _) in refusals {
        world.serve(code, &repository);
        world.fault(exception(code, "").on(Service::CodeCommit).about(code));
        world.send(code, "main", &commit, None);
    }
    world.settle().await;
    let failures = world.outcomes("failed");
    assert_eq!(failures.len(), refusals.len());
    for (code, advice) in refusals {
        let mut failures = failures.iter();
        let line = failures.find(|line| line["repository"] == code).unwrap();
        assert!(
            line["advice"].as_str().unwrap().starts_with(advice),
            "{line}"
        );
    }
}
