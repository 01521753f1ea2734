//! Answers with anything anywhere in them: no panic, an error in words, and never a bundle that is
//! not the commit.

use std::time::Duration;

use crate::setup::bundle::{entries_in_git, entries_of};
use crate::setup::{Mode, Repository, World};
use pushbuild_local::calls::Service;
use pushbuild_local::faults::{Action, Rule, WrongJson};

const PUSHES: usize = 40;

/// Sends pushes while every answer of a service may be anything.
async fn fuzz(service: Service, action: Action, chance: f64) -> World {
    let world = World::with(|deploy| {
        // tests/deploy/least_privilege.py leaves calls by garbled names alone.
        "garbled".clone_into(&mut deploy.name);
        deploy.max_receive_count = 4;
        deploy.visibility_timeout = Some(Duration::from_mins(20));
        deploy.timeout = Duration::from_secs(10);
    })
    .await;
    // Redeliveries read more answers than first ones.
    let full = Action::Exception {
        code: "AccountLimitExceededException".to_owned(),
        status: 400,
        message: "Cannot have more builds in queue".to_owned(),
    };
    let once = Rule::new(full).by_function().operation("StartBuild");
    world.aws.faults().add(once.times(PUSHES as u64 / 2));
    let rule = Rule::new(action)
        .by_function()
        .on(service)
        .chance(chance, 7);
    let rule = world.aws.faults().add(rule);
    let mut pushes = Vec::new();
    for n in 0..PUSHES {
        let name = format!("shop-{n}");
        let content = format!("{n}");
        let (repository, commit) = Repository::of(&[
            (b"a", Mode::File, content.as_bytes()),
            (b"b/c", Mode::Executable, format!("c{n}").as_bytes()),
            (b"b/d", Mode::Link, format!("d{n}").as_bytes()),
        ]);
        world.serve(&name, &repository);
        let event = world.deployment.send_push(&name, "main", &commit, None);
        pushes.push((event.unwrap(), repository, commit));
    }
    world.settle().await;
    let fired = world.aws.faults().fired(rule).unwrap().fired;
    assert!(fired > 10, "{fired} answers were wrong");

    let outcomes = world.deployment.mapping().outcomes();
    for outcome in &outcomes {
        let ended = &outcome.invocation;
        assert!(outcome.response.is_some(), "{ended:?}");
    }
    for failure in world.outcomes("failed") {
        let error = failure["error"].as_str().unwrap();
        assert!(!error.contains("a defect in pushbuild"), "{error}");
        assert!(error.len() > 20, "{error}");
        assert!(!failure["advice"].as_str().unwrap().is_empty());
    }
    for (event, repository, commit) in &pushes {
        for build in world.builds_of(event) {
            assert_eq!(build.variable("COMMIT_ID"), Some(commit.as_str()));
            if build.source_type == "S3" {
                let location = build.source_location.unwrap();
                let (bucket, key) = location.split_once('/').unwrap();
                let zip = std::fs::read(world.aws.s3().path(bucket, key)).unwrap();
                assert_eq!(entries_of(&zip), entries_in_git(repository.path(), commit));
            }
        }
    }
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_in_codecommits_answers() {
    fuzz(Service::CodeCommit, Action::Mutate, 0.15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_in_codebuilds_answers() {
    fuzz(Service::CodeBuild, Action::Mutate, 0.4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn anything_in_the_queues_answers() {
    let world = fuzz(Service::Sqs, Action::Mutate, 0.9).await;
    // The queue's answers are not needed for a build.
    assert_eq!(world.builds().len(), PUSHES);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_of_s3_at_all() {
    let action = Action::WrongJson(WrongJson::Garbage);
    fuzz(Service::S3, action, 0.5).await;
}
