//! A fetch that no invocation has the time for is done by several.

use crate::setup::prelude::*;
use pushbuild_local::faults::RuleId;

/// Three invocations' worth: 64 calls at once, and more as they get through, of 1.3 seconds each, in
/// some three seconds of each invocation.
const FILES: usize = 500;

async fn slow_world(max_receive_count: u32) -> (World, RuleId) {
    let world = World::with(|deploy| {
        deploy.timeout = Duration::from_secs(6);
        deploy.max_receive_count = max_receive_count;
    })
    .await;
    // Other than at a first delivery, builds are looked for in it.
    world.aws.codebuild.add_project("shop");
    let slow = world.fault(latency(1300).operation("GetFile"));
    (world, slow)
}

fn of_files(bytes: usize) -> (Repository, String) {
    Repository::of_noise(FILES, bytes, |n| format!("{}/{n}", n % 10))
}

/// Pushes files of so many bytes, and asserts that each delivery goes on where the last one ended; the
/// world after that.
async fn goes_on_until_it_is_done(bytes: usize) -> World {
    let (world, _) = slow_world(40).await;
    let shop = of_files(bytes);
    world.push_shop(&shop).await;
    world.assert_built(&shop.0, &shop.1);
    assert_eq!(world.bundles(), [format!("shop/main/{}.zip", shop.1)]);
    let unfinished = world.outcomes("failed");
    // The third delivery is the last one; on a machine busy with other tests, a later one.
    assert!(unfinished.len() >= 2, "{unfinished:?}");
    // On such a machine, time may also end while a delivery leaves what it has.
    let says = |failure: &serde_json::Value| failure["error"].as_str().unwrap().to_owned();
    let errors = unfinished.iter().map(says);
    let cut_off = errors.filter(|error| !error.ends_with("the next delivery goes on from here"));
    let cut_off = cut_off.count();
    assert!(world.unfinished_uploads() <= cut_off, "{unfinished:?}");
    // The first delivery walks the tree; the later ones have it from what the first one left.
    let folders = world.calls(Service::CodeCommit, "GetFolder");
    assert!(folders <= 11 * (1 + cut_off), "{folders}: {unfinished:?}");
    let built = &world.outcomes("built")[0];
    assert!(built["reused"].as_u64() > Some(0) || cut_off > 0, "{built}");
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_goes_on_where_the_last_delivery_ended_before_and_after_parts_were_sent() {
    let (_, large) = tokio::join!(
        goes_on_until_it_is_done(40),
        goes_on_until_it_is_done(80_000)
    );
    // A partial bundle in parts, and then the whole one.
    assert!(large.calls(Service::S3, "CreateMultipartUpload") >= 2);
}

/// The first object that it puts is the partial bundle.
async fn killed_while_it_leaves_a_partial_bundle(kill: Action) {
    let (world, _) = slow_world(40).await;
    let kill = world.fault(Rule::new(kill).operation("PutObject").times(1));
    let shop = of_files(40);
    let event = world.push_shop(&shop).await;
    assert_eq!(world.fired(kill), 1);
    world.assert_built_once(&event, &shop.0, &shop.1);
    assert_eq!(world.bundles(), [format!("shop/main/{}.zip", shop.1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_its_deadline_a_push_still_has_one_build() {
    tokio::join!(
        killed_while_it_leaves_a_partial_bundle(Action::KillBefore),
        killed_while_it_leaves_a_partial_bundle(Action::KillAfter),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_unfinished_is_never_handed_to_a_build() {
    let (world, slow) = slow_world(1).await;
    let (repository, commit) = of_files(40);
    world.serve("shop", &repository);
    // On a machine busy with other tests, time may end before anything is left.
    while world.bundles().is_empty() {
        assert!(world.dead_letters() < 20, "{}", world.log());
        for branch in ["main", "other"] {
            world.send("shop", branch, &commit, None);
        }
        world.settle().await;
    }
    assert!(world.builds().is_empty());
    // Of two pushes of one commit, each leaves a partial bundle of its own.
    let bundles = world.bundles();
    let saved = world.log().matches("\"saved\":true").count();
    assert_eq!(bundles.len(), saved, "{bundles:?}");
    let is_partial = |key: &String| key.starts_with("shop/.partial/");
    assert!(bundles.iter().all(is_partial), "{bundles:?}");
    // Nor does another push take them for bundles of the repository.
    world.end_fault(slow);
    world.push("shop", "third", &commit).await;
    world.assert_built(&repository, &commit);
    assert_eq!(world.outcomes("built")[0]["fetched"], FILES);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_delivery_left_is_never_replaced_by_less() {
    let (world, slow) = slow_world(12).await;
    let (repository, commit) = of_files(40);
    world.serve("shop", &repository);
    world.send("shop", "main", &commit, None);
    let failures = |world: &World| world.outcomes("failed").len();
    let has_left = |world: &World| failures(world) > 0 && !world.bundles().is_empty();
    world.until("a partial bundle", has_left).await;
    let (before, partial) = (failures(&world), world.bundles().remove(0));
    let length = || {
        let path = world.aws.s3.path(&world.deployment.bucket, &partial);
        std::fs::metadata(path).unwrap().len()
    };
    let left = length();
    // The next one can neither read what was left nor fetch anything.
    let unreadable = world.fault(Rule::new(Action::ResetBefore).operation("GetObject"));
    let slower = world.fault(latency(60_000).operation("GetFile"));
    let has_failed = |world: &World| failures(world) > before;
    world.until("another delivery", has_failed).await;
    assert!(length() >= left, "{} of {left}", length());
    for fault in [slow, unreadable, slower] {
        world.end_fault(fault);
    }
    world.settle().await;
    world.assert_built(&repository, &commit);
}
