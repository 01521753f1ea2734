//! SIGKILL at every boundary: wherever the function ends, the push ends in exactly one build of
//! exactly its commit. AWS's clock stands still here but for being put forward past both the
//! queue's visibility timeout and the five minutes of an idempotency token.

use std::time::Duration;

use crate::setup::{Mode, Repository, World};
use pushbuild_local::calls::Service;
use pushbuild_local::faults::{Action, Rule};

const VISIBILITY: Duration = Duration::from_mins(6);

/// Longer than the visibility timeout and than a token's life.
const LATER: Duration = Duration::from_secs(400);

const FILES: &[crate::setup::repository::FileOf<'static>] = &[
    (b"README.md", Mode::File, b"# Shop\n"),
    (b"bin/run", Mode::Executable, b"#!/bin/sh\n"),
    (b"latest", Mode::Link, b"README.md"),
];

async fn world(max_receive_count: u32) -> World {
    World::at_speed(1, |deploy| {
        deploy.visibility_timeout = Some(VISIBILITY);
        deploy.max_receive_count = max_receive_count;
    })
    .await
}

/// Sends a push and lets time pass after each of `kills`, added one after the other; whether all
/// of them came about.
async fn push_and_kill(
    world: &World,
    repository: &Repository,
    name: &str,
    commit: &str,
    kills: &[Rule],
) -> bool {
    let mut all = true;
    let mut event = None;
    for kill in kills {
        let rule = world.aws.faults().add(kill.clone());
        let deaths = world.deaths();
        match event {
            None => {
                let sent = world.deployment.send_push(name, "main", commit, None);
                event = Some(sent.unwrap());
            }
            Some(_) => world.aws.clock().advance(LATER),
        }
        let idle = world.deployment.idle(Duration::from_mins(1));
        tokio::select! {
            () = world.until("a killed process", |world| world.deaths() > deaths) => {}
            idle = idle => idle.unwrap(),
        }
        all &= world.aws.faults().fired(rule).unwrap().fired == 1;
        world.aws.faults().remove(rule);
    }
    world.aws.clock().advance(LATER);
    world.settle().await;
    world.assert_built_once(&event.unwrap(), repository, commit);
    assert!(world.deployment.dead_letters().is_empty());
    all
}

/// Kills at the first call, the second and so on, each time of a new push, until there is no such
/// call; answers how many there were. `before` are kills that come first.
async fn kill_at_every_call(before: &[Rule], kill: fn(u64) -> Rule) -> u64 {
    let world = world(3).await;
    let (repository, commit) = Repository::of(FILES);
    for n in 1.. {
        // A repository of its own, so that no earlier bundle helps.
        let name = format!("shop-{n}");
        world.serve(&name, &repository);
        let kills: Vec<_> = before.iter().cloned().chain([kill(n)]).collect();
        if !push_and_kill(&world, &repository, &name, &commit, &kills).await {
            return n - 1;
        }
        assert!(n < 100, "a small push does not need so many calls");
    }
    unreachable!()
}

fn after(service: Service, operation: &str) -> Rule {
    Rule::new(Action::KillAfter)
        .by_function()
        .on(service)
        .operation(operation)
        .times(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_any_of_its_calls_a_push_has_one_build() {
    // GetCommit, GetFolder twice, three blobs, PutObject, StartBuild.
    assert!(kill_at_every_call(&[], Rule::kill_before).await >= 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_of_its_calls_a_push_has_one_build() {
    assert!(kill_at_every_call(&[], Rule::kill_after).await >= 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_with_the_bundle_stored_a_push_has_one_build() {
    let stored = [after(Service::S3, "PutObject")];
    // ListBuildsForProject, HeadObject, StartBuild.
    assert!(kill_at_every_call(&stored, Rule::kill_before).await >= 3);
    assert!(kill_at_every_call(&stored, Rule::kill_after).await >= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_with_the_build_started_a_push_has_one_build() {
    let started = [after(Service::CodeBuild, "StartBuild")];
    // ListBuildsForProject twice (is there a project, and a build?), BatchGetBuilds.
    assert_eq!(kill_at_every_call(&started, Rule::kill_after).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_middle_of_a_multipart_upload_a_push_has_one_build() {
    let world = world(2).await;
    let (repository, commit) = Repository::of_noise(0, 5, 4_000_000, |n| format!("{n}"));
    for (n, operation) in [
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
    ]
    .into_iter()
    .enumerate()
    {
        for action in [Action::KillBefore, Action::KillAfter] {
            let name = format!("shop-{n}-{action:?}");
            world.serve(&name, &repository);
            let kill = Rule::new(action).by_function().operation(operation).nth(1);
            assert!(push_and_kill(&world, &repository, &name, &commit, &[kill]).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_with_others_behind_it_a_push_keeps_its_place() {
    let world = world(2).await;
    let repository = Repository::empty();
    world.serve("shop", &repository);
    let commits: Vec<_> = (0..4)
        .map(|n| {
            let content = format!("{n}");
            repository.commit("main", &[(b"n", Mode::File, content.as_bytes())])
        })
        .collect();
    world
        .aws
        .faults()
        .add(after(Service::CodeBuild, "StartBuild").nth(2));
    for commit in &commits {
        world
            .deployment
            .send_push("shop", "main", commit, None)
            .unwrap();
    }
    world
        .until("a killed process", |world| world.deaths() == 1)
        .await;
    world.aws.clock().advance(LATER);
    world.settle().await;
    let built: Vec<_> = world
        .builds()
        .iter()
        .map(|build| build.variable("COMMIT_ID").unwrap().to_owned())
        .collect();
    assert_eq!(built, commits);
}

#[tokio::test(flavor = "multi_thread")]
async fn redriven_from_the_dead_letter_queue_a_push_that_has_its_build_gets_no_second_one() {
    let world = world(1).await;
    let (repository, commit) = Repository::of(FILES);
    world.serve("shop", &repository);
    world
        .aws
        .faults()
        .add(after(Service::CodeBuild, "StartBuild"));
    let event = world
        .deployment
        .send_push("shop", "main", &commit, None)
        .unwrap();
    world
        .until("a killed process", |world| world.deaths() == 1)
        .await;
    world.aws.clock().advance(LATER);
    world
        .until("a dead letter", |world| {
            world.deployment.dead_letters().len() == 1
        })
        .await;
    // A redriven message is a new one: its receive count starts over.
    let moved = world.aws.sqs().redrive(world.deployment.dead_letter_url());
    assert_eq!(moved.unwrap(), 1);
    world.settle().await;
    world.assert_built_once(&event, &repository, &commit);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_eventbridge_delivers_twice_has_one_build() {
    let world = world(2).await;
    let (repository, commit) = Repository::of(FILES);
    world.serve("shop", &repository);
    let event = pushbuild_local::events::RepositoryEvent::created("shop", "refs/heads/x", &commit)
        .from("000000000000", "eu-west-1", world.aws.clock().now());
    world.deployment.send_event(&event).unwrap();
    world.settle().await;
    // The queue knows a duplicate for five minutes.
    world.aws.clock().advance(LATER);
    world.deployment.send_event(&event).unwrap();
    world.settle().await;
    world.assert_built_once(&event.id, &repository, &commit);
}
