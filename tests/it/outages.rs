//! AWS refuses everything for a while: pushes come back when it is over, in order, or lie in the
//! dead-letter queue for a redrive.

use std::time::Duration;

use crate::setup::{Mode, Repository, World};
use pushbuild_local::calls::Service;
use pushbuild_local::faults::{Action, Rule, RuleId};

/// A service refuses all that the function asks.
fn out(world: &World, service: Service) -> RuleId {
    let refused = Action::ServerError { status: 503 };
    world
        .aws
        .faults()
        .add(Rule::new(refused).by_function().on(service))
}

fn history(length: usize) -> (Repository, Vec<String>) {
    let repository = Repository::empty();
    let commits = (0..length)
        .map(|n| {
            let content = format!("{n}");
            repository.commit("main", &[(b"n", Mode::File, content.as_bytes())])
        })
        .collect();
    (repository, commits)
}

fn push_all(world: &World, commits: &[String]) -> Vec<String> {
    let mut events = Vec::new();
    let mut old = None;
    for commit in commits {
        let event = world.deployment.send_push("shop", "main", commit, old);
        events.push(event.unwrap());
        old = Some(commit.as_str());
    }
    events
}

fn built(world: &World) -> Vec<String> {
    world
        .builds()
        .iter()
        .map(|build| build.variable("COMMIT_ID").unwrap().to_owned())
        .collect()
}

/// Invocations that ended with an answer, which is what an outage must not keep them from.
fn answers(world: &World) -> usize {
    let outcomes = world.deployment.mapping().outcomes();
    for outcome in &outcomes {
        assert!(
            outcome.response.is_some(),
            "an invocation did not end by itself: {:?}\n{}",
            outcome.invocation,
            world.log()
        );
    }
    outcomes.len()
}

async fn ends_after_two_invocations(service: Service) {
    let world = World::with(|deploy| {
        deploy.timeout = Duration::from_secs(4);
        deploy.visibility_timeout = Some(Duration::from_mins(40));
        deploy.max_receive_count = 20;
    })
    .await;
    let (repository, commits) = history(3);
    world.serve("shop", &repository);
    let outage = out(&world, service);
    let events = push_all(&world, &commits);
    world
        .until("two invocations", |world| answers(world) >= 2)
        .await;
    assert!(world.builds().is_empty());
    world.aws.faults().remove(outage);
    world.settle().await;
    assert_eq!(built(&world), commits);
    for (event, commit) in events.iter().zip(&commits) {
        world.assert_built_once(event, &repository, commit);
    }
    assert!(world.deployment.dead_letters().is_empty());
    answers(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_of_codecommit_pushes_are_built_in_order() {
    ends_after_two_invocations(Service::CodeCommit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_of_s3_pushes_are_built_in_order() {
    ends_after_two_invocations(Service::S3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_of_codebuild_pushes_are_built_in_order() {
    ends_after_two_invocations(Service::CodeBuild).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_outage_outlasts_is_a_dead_letter_and_a_redrive_builds_it() {
    let world = World::with(|deploy| {
        deploy.timeout = Duration::from_secs(4);
        deploy.visibility_timeout = Some(Duration::from_mins(40));
        deploy.max_receive_count = 2;
    })
    .await;
    let (repository, commits) = history(3);
    world.serve("shop", &repository);
    let outage = out(&world, Service::CodeCommit);
    let events = push_all(&world, &commits);
    world
        .until("dead letters", |world| {
            world.deployment.dead_letters().len() == 3
        })
        .await;
    assert!(world.builds().is_empty());
    // The reason is in the log, for each.
    for event in &events {
        let failures = world.outcomes("failed");
        assert!(
            failures
                .iter()
                .any(|line| line["event_id"] == event.as_str() && line["class"] == "retry"),
            "{}",
            world.log()
        );
    }

    world.aws.faults().remove(outage);
    let dead_letters = world.deployment.dead_letter_url();
    assert_eq!(world.aws.sqs().redrive(dead_letters).unwrap(), 3);
    world.settle().await;
    assert_eq!(built(&world), commits);
    for (event, commit) in events.iter().zip(&commits) {
        world.assert_built_once(event, &repository, commit);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_in_which_nothing_answers_does_not_use_up_deliveries_one_upon_the_other() {
    let world = World::at_speed(1, |deploy| {
        deploy.timeout = Duration::from_secs(4);
        deploy.visibility_timeout = Some(Duration::from_mins(40));
    })
    .await;
    let (repository, commits) = history(1);
    world.serve("shop", &repository);
    let silence = Action::Latency {
        ms: 60_000,
        jitter_ms: 0,
    };
    let rule = Rule::new(silence).by_function().on(Service::CodeCommit);
    world.aws.faults().add(rule);
    push_all(&world, &commits);
    world.until("an answer", |world| answers(world) == 1).await;
    let messages = world.aws.sqs().messages(world.deployment.queue_url());
    assert_eq!(messages[0].receive_count, 1);
    let again = messages[0].invisible_until.expect("it waits for its turn");
    let waits = again.duration_since(world.aws.clock().now()).unwrap();
    assert!(waits <= Duration::from_secs(15), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_build_queue_loses_no_push_and_fetches_no_bundle_twice() {
    for max_receive_count in [2, 4] {
        let world = World::with(|deploy| {
            deploy.max_receive_count = max_receive_count;
            deploy.visibility_timeout = Some(Duration::from_hours(2));
        })
        .await;
        let full = Action::Exception {
            code: "AccountLimitExceededException".to_owned(),
            status: 400,
            message: "Cannot have more than 300 builds in queue for the account".to_owned(),
        };
        let rule = Rule::new(full)
            .by_function()
            .operation("StartBuild")
            .window(Duration::ZERO, Duration::from_mins(10));
        world.aws.faults().add(rule);
        let mut pushes = Vec::new();
        for n in 0..6 {
            let content = format!("{n} {max_receive_count}");
            let (repository, commit) = Repository::of(&[
                (b"a", Mode::File, content.as_bytes()),
                (b"b/c", Mode::File, format!("b{content}").as_bytes()),
            ]);
            let name = format!("shop-{n}");
            world.serve(&name, &repository);
            let event = world
                .deployment
                .send_push(&name, "main", &commit, None)
                .unwrap();
            pushes.push((event, repository, commit));
        }
        world.settle().await;
        for (event, repository, commit) in &pushes {
            world.assert_built_once(event, repository, commit);
        }
        assert!(world.deployment.dead_letters().is_empty());
        assert_eq!(world.calls(Service::CodeCommit, "GetFile"), 2 * 6);
    }
}
