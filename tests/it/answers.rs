//! Answers with anything anywhere in them: no panic, an error in words, and never a bundle that is
//! not the commit.

use crate::setup::prelude::*;
use pushbuild_local::faults::WrongJson;

const PUSHES: usize = 40;

/// Sends pushes while every answer of a service may be anything.
async fn fuzz(service: Service, action: Action, chance: f64) -> World {
    let world = World::with(|deploy| {
        // tests/deploy/least_privilege.py leaves calls by garbled names alone.
        "garbled".clone_into(&mut deploy.name);
        deploy.max_receive_count = 4;
        deploy.timeout = Duration::from_secs(10);
    })
    .await;
    // Redeliveries read more answers than first ones.
    world.fault(full_build_queue().times(PUSHES as u64 / 2));
    let rule = world.fault(Rule::new(action).on(service).chance(chance, 7));
    let mut pushes = Vec::new();
    for n in 0..PUSHES {
        let name = format!("shop-{n}");
        let (repository, commit) = Repository::of(&[
            (b"a", Mode::File, format!("{n}").as_bytes()),
            (b"b/c", Mode::Executable, format!("c{n}").as_bytes()),
            (b"b/d", Mode::Link, format!("d{n}").as_bytes()),
        ]);
        world.serve(&name, &repository);
        let event = world.send(&name, "main", &commit, None);
        pushes.push((event, repository, commit));
    }
    world.settle().await;
    let fired = world.fired(rule);
    assert!(fired > 10, "{fired} answers were wrong");

    world.batches();
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
