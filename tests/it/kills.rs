//! SIGKILL at every boundary: wherever the function ends, the push ends in exactly one build of
//! exactly its commit. After each kill the message comes back later than an idempotency token lives.

use crate::setup::prelude::*;

/// Longer than the five minutes of an idempotency token, and than those in which a queue knows a
/// message for a duplicate.
const VISIBILITY: Duration = Duration::from_mins(6);

async fn world(max_receive_count: u32) -> World {
    World::with(|deploy| {
        deploy.visibility_timeout = Some(VISIBILITY);
        deploy.max_receive_count = max_receive_count;
    })
    .await
}

/// Pushes with `kills` in force one after the other. Answers whether all of them happened.
async fn push_and_kill(
    world: &World,
    shop: &(Repository, String),
    name: &str,
    kills: &[Rule],
) -> bool {
    let (repository, commit) = shop;
    world.serve(name, repository);
    let mut all = true;
    let mut event = None;
    for kill in kills {
        let rule = world.fault(kill.clone());
        let deaths = world.deaths();
        event.get_or_insert_with(|| world.send(name, "main", commit, None));
        let done = |world: &World| world.deaths() > deaths || world.deployment.is_idle();
        world.until("a killed process or a build", done).await;
        all &= world.fired(rule) == 1;
        world.end_fault(rule);
    }
    world.settle().await;
    world.assert_built_once(&event.unwrap(), repository, commit);
    assert_eq!(world.dead_letters(), 0);
    all
}

/// Kills at the first call, the second and so on, each time of a new push, until there is no such
/// call; answers how many there were. `before` are kills that come first.
async fn calls_to_kill_at(before: &[Rule], kill: fn(u64) -> Rule) -> u64 {
    let world = world(3).await;
    let shop = Repository::small();
    for n in 1.. {
        // A repository of its own, so that no earlier bundle helps.
        let name = format!("shop-{n}");
        let kills: Vec<_> = before.iter().cloned().chain([kill(n)]).collect();
        if !push_and_kill(&world, &shop, &name, &kills).await {
            return n - 1;
        }
        assert!(n < 100, "a small push does not need so many calls");
    }
    unreachable!()
}

async fn kill_at_every_call(kill: fn(u64) -> Rule) {
    // ListBuildsForProject (is there a project?), ListObjectsV2, GetCommit, GetFolder and a blob
    // three times each, PutObject, StartBuild.
    assert_eq!(calls_to_kill_at(&[], kill).await, 11);
    // ListBuildsForProject twice (is there a project, and a build?), HeadObject, StartBuild.
    let stored = [after("PutObject")];
    assert_eq!(calls_to_kill_at(&stored, kill).await, 4);
    // ListBuildsForProject twice, BatchGetBuilds.
    let started = [after("StartBuild")];
    assert_eq!(calls_to_kill_at(&started, kill).await, 3);
}

fn after(operation: &str) -> Rule {
    Rule::new(Action::KillAfter).operation(operation).times(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_any_call_of_its_first_or_second_delivery_a_push_has_one_build() {
    kill_at_every_call(Rule::kill_before).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_call_of_its_first_or_second_delivery_a_push_has_one_build() {
    kill_at_every_call(Rule::kill_after).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_and_after_each_call_of_a_multipart_upload_a_push_has_one_build() {
    let world = world(7).await;
    let shop = Repository::of_noise(3, 5_700_000, |n| format!("{n}"));
    let calls = [
        "CreateMultipartUpload",
        "UploadPart",
        "CompleteMultipartUpload",
    ];
    let kills: Vec<_> = calls
        .into_iter()
        .flat_map(|call| {
            let kill = |action| Rule::new(action).operation(call).times(1);
            [kill(Action::KillBefore), kill(Action::KillAfter)]
        })
        .collect();
    assert!(push_and_kill(&world, &shop, "shop", &kills).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_with_others_behind_it_a_push_keeps_its_place() {
    let world = world(2).await;
    let (repository, commits) = Repository::of_history(4);
    world.serve("shop", &repository);
    world.fault(after("StartBuild").nth(2));
    world.send_all("shop", "main", &commits);
    world.settle().await;
    assert_eq!(world.deaths(), 1);
    assert_eq!(world.built("shop"), commits);
}

#[tokio::test(flavor = "multi_thread")]
async fn redriven_from_the_dead_letter_queue_a_push_that_has_its_build_gets_no_second_one() {
    let world = world(1).await;
    world.fault(after("StartBuild"));
    let shop = Repository::small();
    let event = world.push_shop(&shop).await;
    assert_eq!((world.deaths(), world.dead_letters()), (1, 1));
    // A redriven message is a new one: its receive count starts over.
    assert_eq!(world.redrive(), 1);
    world.settle().await;
    world.assert_built_once(&event, &shop.0, &shop.1);
}
