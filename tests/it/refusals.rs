//! What AWS refuses in ordinary operation, and what becomes of the push then.

use std::time::Duration;

use serde_json::json;

use crate::setup::{Mode, Repository, World};
use pushbuild_local::calls::Service;
use pushbuild_local::events::RepositoryEvent;
use pushbuild_local::faults::{Action, Rule};

fn denied() -> Action {
    Action::Exception {
        code: "AccessDeniedException".to_owned(),
        status: 400,
        message: "User is not authorized to perform this".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_push_finds_its_build_behind_hundreds_of_newer_ones() {
    let world = World::start().await;
    let (repository, commit) = Repository::of(&[(b"a", Mode::File, b"a")]);
    world.serve("shop", &repository);
    let pushed = world.aws.clock().now() - Duration::from_mins(10);
    let event = RepositoryEvent::created("shop", "refs/heads/main", &commit).from(
        "000000000000",
        "eu-west-1",
        pushed,
    );
    world.deployment.send_event(&event).unwrap();
    world.settle().await;
    assert_eq!(world.builds().len(), 1);
    for _ in 0..250 {
        let newer = json!({
            "projectName": "shop",
            "sourceTypeOverride": "S3",
            "sourceLocationOverride": "another/source.zip",
        });
        let started = world.aws.codebuild().call("StartBuild", newer).await;
        started.unwrap();
    }
    // Another body, so that SQS does not drop it as a duplicate.
    let again = format!("{}\n", event.json());
    world.deployment.send_body(&again, "shop").unwrap();
    world.settle().await;
    assert_eq!(world.builds_of(&event.id).len(), 1, "{}", world.log());
    assert_eq!(world.outcomes("already_built").len(), 1, "{}", world.log());
    assert!(world.deployment.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_at_its_own_limit_of_builds_loses_no_push() {
    let world = World::with(|options| options.max_receive_count = 5).await;
    let repository = Repository::empty();
    world.serve("shop", &repository);
    let codebuild = world.aws.codebuild();
    codebuild.set_project_limit("shop", 1);
    codebuild.set_build_time(Duration::from_mins(1));
    let mut pushes = Vec::new();
    for branch in ["a", "b", "c"] {
        let commit = repository.commit(branch, &[(b"a", Mode::File, branch.as_bytes())]);
        let event = world.deployment.send_push("shop", branch, &commit, None);
        pushes.push((event.unwrap(), commit));
    }
    world.settle().await;
    for (event, commit) in &pushes {
        world.assert_built_once(event, &repository, commit);
    }
    let failures = world.outcomes("failed");
    assert!(!failures.is_empty(), "the limit was met");
    for failure in failures {
        assert_eq!(failure["class"], "retry", "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fresh_permissions_cost_a_wait_and_neither_a_push_nor_the_order() {
    let world = World::with(|options| {
        options.max_receive_count = 5;
        options.visibility_timeout = Some(Duration::from_mins(40));
    })
    .await;
    let repository = Repository::empty();
    let commits =
        ["1", "2"].map(|n| repository.commit("main", &[(b"n", Mode::File, n.as_bytes())]));
    world.serve("shop", &repository);
    // IAM's answer to the first call of a new role.
    let rule = Rule::new(denied()).by_function().on(Service::CodeBuild);
    world.aws.faults().add(rule.times(1));
    let begun = world.aws.clock().now();
    world
        .deployment
        .send_push("shop", "main", &commits[0], None)
        .unwrap();
    world
        .deployment
        .send_push("shop", "main", &commits[1], Some(&commits[0]))
        .unwrap();
    world.settle().await;
    let built: Vec<_> = world
        .builds()
        .iter()
        .map(|build| build.variable("COMMIT_ID").unwrap().to_owned())
        .collect();
    assert_eq!(built, commits, "{}", world.log());
    assert!(world.deployment.dead_letters().is_empty());
    assert_eq!(world.outcomes("failed")[0]["class"], "refused_by_aws");
    let passed = world.aws.clock().now().duration_since(begun).unwrap();
    assert!(passed >= Duration::from_mins(1), "{passed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_sqs_does_not_answer_a_failure_does_not_cost_the_pushes_that_succeeded() {
    let world = World::with(|options| {
        options.timeout = Duration::from_secs(6);
        options.max_receive_count = 5;
    })
    .await;
    let (repository, commit) = Repository::of(&[(b"a", Mode::File, b"a")]);
    world.serve("shop", &repository);
    world.serve("broken", &repository);
    let silence = Action::Latency {
        ms: 60_000,
        jitter_ms: 0,
    };
    let silence = Rule::new(silence).by_function().on(Service::Sqs);
    world.aws.faults().add(silence);
    let refused = Rule::new(denied()).by_function().on(Service::CodeCommit);
    world.aws.faults().add(refused.about("broken"));
    let mut bodies = Vec::new();
    for (name, branch) in [
        ("broken", "a"),
        ("broken", "a"),
        ("shop", "b"),
        ("shop", "c"),
    ] {
        let event = RepositoryEvent::created(name, &format!("refs/heads/{branch}"), &commit);
        bodies.push(event.json().to_string());
    }
    for body in &bodies {
        world.deployment.send_body(body, "one").unwrap();
    }
    world
        .until("an answer", |world| {
            let outcomes = world.deployment.mapping().outcomes();
            outcomes.iter().any(|outcome| !outcome.kept.is_empty())
        })
        .await;
    for outcome in world.deployment.mapping().outcomes() {
        assert!(
            outcome.response.is_some(),
            "an invocation did not end by itself: {:?}\n{}",
            outcome.invocation,
            world.log()
        );
    }
    world
        .until("two builds", |world| world.builds().len() == 2)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_that_no_bundle_can_hold_is_built_from_the_commit_it_points_to() {
    let world = World::with(|options| {
        let tags = ("INCLUDE_REFERENCES".to_owned(), "refs/tags/**".to_owned());
        options.env.extend([tags]);
    })
    .await;
    let (repository, commit) = Repository::of(&[(b"old", Mode::GroupWritable, b"x")]);
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
