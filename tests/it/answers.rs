//! Answers with random changes anywhere in them: no panic, an error in words, and never a bundle that
//! is not the commit.

use crate::setup::history::History;
use crate::setup::prelude::*;
use crate::setup::verdict::Verdict;
use pushbuild_local::faults::WrongJson;

/// Few pushes at once, so that they come in many batches.
const PUSHES: usize = 4;

/// The least rounds of pushes, and of answers that were wrong. Where many failures share a batch, few
/// calls to the queues are made: then it takes more rounds.
const LEAST: usize = 10;

/// Sends pushes while any answer of a service may be changed. Answers how many.
async fn fuzz(service: Service, action: Action, chance: f64) -> (World, usize) {
    let world = World::with(|deploy| {
        // tests/deploy/least_privilege.py leaves calls by garbled names alone.
        "garbled".clone_into(&mut deploy.name);
        deploy.max_receive_count = 4;
        deploy.timeout = Duration::from_secs(10);
    })
    .await;
    let rule = world.fault(Rule::new(action).on(service).chance(chance, 7));
    let mut rounds = 0;
    let wrong_answers = || usize::try_from(world.fired(rule)).unwrap();
    while rounds < LEAST || wrong_answers() < LEAST {
        assert!(rounds < 10 * LEAST, "{} wrong answers", wrong_answers());
        // Redeliveries read more answers than first ones.
        world.fault(full_build_queue().times(2));
        let mut history = History::of_new(&format!("shop-{rounds}"), PUSHES, 4);
        rounds += 1;
        history.send(&world);
        world.settle().await;
        let inexact = Verdict::of(&history, &world).inexact;
        assert!(inexact.is_empty(), "{inexact:#?}");
    }
    world.batches();
    for failure in world.outcomes("failed") {
        let error = failure["error"].as_str().unwrap();
        assert!(!error.contains("a defect in pushbuild"), "{error}");
        assert!(error.len() > 20, "{error}");
        assert!(!failure["advice"].as_str().unwrap().is_empty());
    }
    (world, rounds * PUSHES)
}

#[tokio::test(flavor = "multi_thread")]
async fn random_changes_in_codecommits_answers() {
    fuzz(Service::CodeCommit, Action::Mutate, 0.15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_changes_in_codebuilds_answers() {
    fuzz(Service::CodeBuild, Action::Mutate, 0.4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_changes_in_the_queues_answers() {
    let (world, pushes) = fuzz(Service::Sqs, Action::Mutate, 0.9).await;
    // The queue's answers are not needed for a build.
    assert_eq!(world.builds().len(), pushes);
}

#[tokio::test(flavor = "multi_thread")]
async fn html_in_place_of_s3s_answers() {
    let action = Action::WrongJson(WrongJson::Garbage);
    fuzz(Service::S3, action, 0.5).await;
}
