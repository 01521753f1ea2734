//! From the intake queue to the push queue: whatever fails there, each push has one build, in its
//! branch's order.

use std::time::Instant;

use crate::setup::history::History;
use crate::setup::prelude::*;
use pushbuild_local::faults::{Shape, WrongJson};

/// Sends pushes to so many branches of a repository in turn, and waits for what becomes of them.
async fn push(world: &World, name: &str, branches: usize, pushes: usize) {
    let branches: Vec<_> = (0..pushes).map(|number| number % branches).collect();
    let mut history = History::make(name, 1, 1, &branches);
    history.send(world);
    world.settle().await;
    history.assert_kept(world);
}

/// Sends six pushes to two branches under a rule for the intake's calls; how often it was applied.
async fn under(world: &World, name: &str, rule: Rule) -> u64 {
    let rule = world.aws.faults.add(rule.by_intake());
    push(world, name, 2, 6).await;
    let fired = world.fired(rule);
    world.end_fault(rule);
    fired
}

/// A kill at the intake's first call, its second and so on, until there is no such call. The second
/// delivery comes within the five minutes in which SQS drops a repeat, or after them.
async fn kill_at_every_call(kill: &Action) {
    for visibility in [Duration::from_mins(1), Duration::from_mins(6)] {
        let world = World::with(|deploy| deploy.visibility_timeout = Some(visibility)).await;
        let mut calls = 0;
        loop {
            let kill = Rule::new(kill.clone()).nth(calls + 1).times(1);
            if under(&world, &format!("shop-{calls}"), kill).await == 0 {
                break;
            }
            calls += 1;
        }
        // No call holds two pushes of one branch.
        assert!(calls >= 3, "{calls}");
        assert_eq!(world.deaths() as u64, calls);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_any_of_its_calls_the_intake_loses_doubles_and_reorders_nothing() {
    kill_at_every_call(&Action::KillBefore).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_any_of_its_calls_the_intake_loses_doubles_and_reorders_nothing() {
    kill_at_every_call(&Action::KillAfter).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_entry_of_a_batch_may_fail_and_its_branch_alone_waits() {
    let world = World::start().await;
    for entry in 1..=8 {
        let name = format!("shop-{entry}");
        // The first call holds one push, during which the others gather.
        let first = latency(100).operation("SendMessageBatch").by_intake();
        world.aws.faults.add(first.times(1));
        let fails = Action::FailEntry { entry };
        let fails = Rule::new(fails).operation("SendMessageBatch").by_intake();
        let fails = world.aws.faults.add(fails.times(1));
        push(&world, &name, 8, 16).await;
        assert_eq!(world.fired(fails), 1, "entry {entry}");
        world.end_fault(fails);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn throttled_cut_off_and_answered_wrongly_the_intake_forwards_each_push_once() {
    let actions = [
        Action::Throttle { shape: Shape::Json },
        Action::ServerError { status: 503 },
        Action::ResetBefore,
        // The push is sent, and the answer lost.
        Action::ResetAfter,
        Action::Truncate,
        Action::WrongJson(WrongJson::Garbage),
        Action::WrongJson(WrongJson::EmptyObject),
    ];
    let each = actions.map(async |action| {
        // More deliveries than faults in a row.
        let world = World::with(|deploy| deploy.intake_max_receive_count = 10).await;
        let rule = Rule::new(action.clone()).operation("SendMessageBatch");
        // Once, and more often than the SDK tries.
        for times in [1, 6] {
            let rule = rule.clone().times(times);
            let fired = under(&world, &format!("shop-{times}"), rule).await;
            assert!(fired > 0, "{action:?}");
        }
    });
    // Side by side, since they wait more than they work.
    futures_util::future::join_all(each).await;
}

/// One branch's fetch takes so many times ten seconds and another branch fails, while others are
/// pushed to.
async fn hold_up_nobody(folders: usize) {
    let least = Duration::from_secs(10) * u32::try_from(folders).unwrap();
    let world = World::with(|deploy| {
        deploy.timeout = Duration::from_mins(2);
        deploy.max_receive_count = 5;
    })
    .await;
    let (repository, main) = Repository::small();
    world.serve("shop", &repository);
    world.push("shop", "main", &main).await;
    // Folder by folder, each listed only when the one above it is known.
    let path = "slow/".repeat(folders) + "file";
    let slow = repository.commit("slow", [(path, FILE, "slow")]);
    world.fault(denied("GetDifferences"));
    world.fault(latency(10_000).operation("GetFolder").about("shop:slow"));
    let commit = |branch: &str| repository.commit(branch, [("a", FILE, branch)]);
    let failing = commit("failing");
    let outage = world.fault(server_error(503).operation("GetCommit").about(&failing));
    let begun = Instant::now();
    let slow_event = world.send("shop", "slow", &slow, None);
    let failing_event = world.send("shop", "failing", &failing, None);
    let mut longest = Duration::ZERO;
    for number in 0..10 {
        let branch = format!("other-{number}");
        let commit = commit(&branch);
        let sent = Instant::now();
        let event = world.send("shop", &branch, &commit, None);
        while world.builds_of(&event).is_empty() {
            assert!(sent.elapsed() < least, "{}", world.log());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        longest = longest.max(sent.elapsed());
    }
    let took = begun.elapsed();
    println!("ten pushes of other branches: {took:?}, each at most {longest:?}");
    // Neither had been built by then, and no time had passed on AWS's clock.
    assert!(world.builds_of(&slow_event).is_empty(), "{}", world.log());
    assert!(world.builds_of(&failing_event).is_empty());
    assert!(took < least);
    world.end_fault(outage);
    world.settle().await;
    world.assert_built_once(&slow_event, &repository, &slow);
    world.assert_built_once(&failing_event, &repository, &failing);
    println!("the slow branch: {:?}", begun.elapsed());
    assert!(begun.elapsed() >= least);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_branch_and_a_failing_one_hold_up_no_other_branch() {
    hold_up_nobody(1).await;
}

/// `cargo test -p pushbuild --test it minute -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a minute, for the figures of docs/delivery.md"]
async fn a_fetch_of_a_minute_holds_up_no_other_branch() {
    hold_up_nobody(6).await;
}
