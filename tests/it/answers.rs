//! Answers with anything anywhere in them: no panic, an error in words, and never a bundle that is
//! not the commit.

use crate::setup::history::History;
use crate::setup::prelude::*;
use pushbuild_local::faults::WrongJson;

/// Few pushes at once, so that they come in many batches.
const ROUNDS: usize = 10;
const PUSHES: usize = 4;

/// Sends pushes while every answer of a service may be anything.
async fn fuzz(service: Service, action: Action, chance: f64) -> World {
    let world = World::with(|deploy| {
        // tests/deploy/least_privilege.py leaves calls by garbled names alone.
        "garbled".clone_into(&mut deploy.name);
        deploy.max_receive_count = 4;
        deploy.timeout = Duration::from_secs(10);
    })
    .await;
    let rule = world.fault(Rule::new(action).on(service).chance(chance, 7));
    for round in 0..ROUNDS {
        // Redeliveries read more answers than first ones.
        world.fault(full_build_queue().times(2));
        let history = History::of_new(&format!("shop-{round}"), PUSHES, 4);
        let events = history.send(&world);
        world.settle().await;
        assert_exact_or_none(&world, &history, &events);
    }
    let fired = world.fired(rule);
    assert!(fired > 10, "{fired} answers were wrong");
    world.batches();
    for failure in world.outcomes("failed") {
        let error = failure["error"].as_str().unwrap();
        assert!(!error.contains("a defect in pushbuild"), "{error}");
        assert!(error.len() > 20, "{error}");
        assert!(!failure["advice"].as_str().unwrap().is_empty());
    }
    world
}

/// Whatever was built is the very commit.
fn assert_exact_or_none(world: &World, history: &History, events: &[String]) {
    for (event, push) in events.iter().zip(&history.pushes) {
        for build in world.builds_of(event) {
            assert_eq!(build.variable("COMMIT_ID"), Some(push.commit.as_str()));
            if build.source_type == "S3" {
                let location = build.source_location.unwrap();
                let (bucket, key) = location.split_once('/').unwrap();
                let zip = std::fs::read(world.aws.s3().path(bucket, key)).unwrap();
                assert_eq!(entries_of(&zip), history.entries_of(push));
            }
        }
    }
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
    assert_eq!(world.builds().len(), ROUNDS * PUSHES);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_of_s3_at_all() {
    let action = Action::WrongJson(WrongJson::Garbage);
    fuzz(Service::S3, action, 0.5).await;
}
