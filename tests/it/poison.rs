//! What does not succeed goes to the dead-letter queue and holds nobody up.

use std::time::{Duration, SystemTime};

use crate::setup::{Mode, Repository, World};
use pushbuild_local::calls::Service;
use pushbuild_local::faults::{Action, Rule};

const VISIBILITY: Duration = Duration::from_hours(6);

/// Deliveries enough that one that costs a back-off would show.
async fn world() -> World {
    World::with(|deploy| {
        deploy.max_receive_count = 5;
        deploy.visibility_timeout = Some(VISIBILITY);
    })
    .await
}

/// Local time since `begun`.
fn passed(world: &World, begun: SystemTime) -> Duration {
    world.aws.clock().now().duration_since(begun).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_never_succeed_hold_up_nobody_behind_them() {
    let world = world().await;
    let (repository, commit) = Repository::of(&[(b"a", Mode::File, b"a")]);
    world.serve("shop", &repository);
    let none = "0123456789012345678901234567890123456789";
    let begun = world.aws.clock().now();
    // Both in the group of the pushes behind them: not an event, and of a repository that is gone.
    world
        .deployment
        .send_body("Read me, I am no event", "shop")
        .unwrap();
    let mut lost = pushbuild_local::events::RepositoryEvent::created("gone", "refs/heads/x", none)
        .from("000000000000", "eu-west-1", begun);
    lost.detail["repositoryName"] = "gone".into();
    world
        .deployment
        .send_body(&lost.json().to_string(), "shop")
        .unwrap();
    let mut events = Vec::new();
    for branch in ["main", "x", "y"] {
        let event = world.deployment.send_push("shop", branch, &commit, None);
        events.push(event.unwrap());
    }
    world.settle().await;
    for event in &events {
        world.assert_built_once(event, &repository, &commit);
    }
    assert_eq!(world.deployment.dead_letters().len(), 2);
    // Each failure says its class and what to do.
    for line in world.outcomes("failed") {
        let class = match line["repository"].as_str() {
            Some("gone") => "refused_by_aws",
            _ => "reject",
        };
        assert_eq!(line["class"], class, "{line}");
        assert!(!line["advice"].as_str().unwrap().is_empty());
    }
    // Nothing waited for the queue's own visibility timeout: all of it took seconds of real time.
    assert!(passed(&world, begun) < VISIBILITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_push_lets_later_ones_of_its_own_branch_pass() {
    let world = world().await;
    let repository = Repository::empty();
    world.serve("shop", &repository);
    let refused = repository.commit("main", &[(b"a\\..\\..\\b", Mode::File, b"a")]);
    let mended = repository.commit("main", &[(b"a", Mode::File, b"a")]);
    let send = |commit: &str, old: Option<&str>| {
        world
            .deployment
            .send_push("shop", "main", commit, old)
            .unwrap()
    };
    send(&refused, None);
    let event = send(&mended, Some(&refused));
    world.settle().await;
    world.assert_built_once(&event, &repository, &mended);
    assert_eq!(world.builds().len(), 1);
    assert_eq!(world.deployment.dead_letters().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_is_retried_for_ever_holds_up_its_group_for_its_back_offs_at_most() {
    let world = world().await;
    let (repository, commit) = Repository::of(&[(b"a", Mode::File, b"a")]);
    let (unlucky, never) = Repository::of(&[(b"never", Mode::File, b"never")]);
    world.serve("shop", &repository);
    world.serve("unlucky", &unlucky);
    // Another repository in the same group, so that its builds alone fail.
    let cannot = Action::Exception {
        code: "SomethingNewException".to_owned(),
        status: 400,
        message: "Nobody knows this".to_owned(),
    };
    let rule = Rule::new(cannot).by_function().about("unlucky");
    world.aws.faults().add(rule.on(Service::CodeBuild));
    let begun = world.aws.clock().now();
    let event = pushbuild_local::events::RepositoryEvent::created(
        "unlucky",
        "refs/heads/x",
        &never,
    )
    .from("000000000000", "eu-west-1", begun);
    world
        .deployment
        .send_body(&event.json().to_string(), "shop")
        .unwrap();
    let behind = world.deployment.send_push("shop", "main", &commit, None);
    let behind = behind.unwrap();
    world
        .until("the build behind it", |world| {
            !world.builds_of(&behind).is_empty()
        })
        .await;
    // It was in the same batch: it waited for nothing.
    assert!(world.deployment.dead_letters().is_empty());
    world.assert_built_once(&behind, &repository, &commit);
    world
        .until("a dead letter", |world| {
            !world.deployment.dead_letters().is_empty()
        })
        .await;
    // Four back-offs of 15, 30, 60 and 120 seconds, and never the queue's own timeout.
    let passed = passed(&world, begun);
    assert!(passed >= Duration::from_secs(225), "{passed:?}");
    assert!(passed < VISIBILITY, "{passed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_change_of_visibility_changes_nothing_else() {
    let world = World::with(|deploy| {
        deploy.max_receive_count = 2;
        deploy.visibility_timeout = Some(Duration::from_mins(5));
    })
    .await;
    let (repository, commit) = Repository::of(&[(b"a", Mode::File, b"a")]);
    world.serve("shop", &repository);
    let denied = Action::Exception {
        code: "AccessDenied".to_owned(),
        status: 403,
        message: "not authorized to perform: sqs:ChangeMessageVisibility".to_owned(),
    };
    let visibility = world
        .aws
        .faults()
        .add(Rule::new(denied).by_function().on(Service::Sqs));
    let once = Action::ServerError { status: 500 };
    let rule = Rule::new(once).by_function().operation("GetCommit");
    // Every attempt of the first delivery.
    let outage = world.aws.faults().add(rule);
    let event = world.deployment.send_push("shop", "main", &commit, None);
    let event = event.unwrap();
    world
        .until("the first answer", |world| {
            !world.deployment.mapping().outcomes().is_empty()
        })
        .await;
    let first = world.deployment.mapping().outcomes().remove(0);
    assert!(first.response.is_some(), "{:?}", first.invocation);
    assert_eq!(first.kept.len(), 1);
    world.aws.faults().remove(outage);
    world.settle().await;
    world.assert_built_once(&event, &repository, &commit);
    assert!(world.aws.faults().fired(visibility).unwrap().fired > 0);
    assert!(
        world
            .log()
            .contains("come back after the queue's visibility timeout instead"),
        "{}",
        world.log()
    );
}
