//! A fetch that no invocation has the time for is done by several.

use crate::setup::prelude::*;
use pushbuild_local::faults::RuleId;

/// Four invocations' worth: 128 calls at once (64 until the first are answered), two seconds each,
/// and some three seconds of each invocation for them.
const MANY: usize = 420;

/// Three invocations' worth.
const FEWER: usize = 300;

async fn slow_world(max_receive_count: u32) -> (World, RuleId) {
    let world = World::with(|deploy| {
        deploy.timeout = Duration::from_secs(8);
        deploy.max_receive_count = max_receive_count;
    })
    .await;
    // Other than at a first delivery, builds are looked for in it.
    world.aws.codebuild().add_project("shop");
    let slow = world.fault(latency(2000).operation("GetFile"));
    (world, slow)
}

fn of_files(files: usize, bytes: usize) -> (Repository, String) {
    Repository::of_noise(0, files, bytes, |n| format!("{}/{n}", n % 10))
}

async fn goes_on_until_it_is_done(files: usize, bytes: usize) -> usize {
    let (world, _) = slow_world(12).await;
    let shop = of_files(files, bytes);
    world.push_shop(&shop).await;
    world.assert_built(&shop.0, &shop.1);
    let unfinished = world.outcomes("failed").len();
    assert_eq!(world.bundles(), [format!("shop/main/{}.zip", shop.1)]);
    assert_eq!(world.unfinished_uploads(), 0);
    // The first delivery walks the tree; the later ones have it from what the first one left.
    assert_eq!(world.calls(Service::CodeCommit, "GetFolder"), 11);
    unfinished
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_of_small_files_goes_on_where_the_last_delivery_ended() {
    let unfinished = goes_on_until_it_is_done(MANY, 40).await;
    // The fourth delivery is the last one, or the fifth; on a machine busy with other tests one more.
    assert!((3..=5).contains(&unfinished), "{unfinished}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_has_sent_parts_goes_on_where_the_last_delivery_ended() {
    let unfinished = goes_on_until_it_is_done(FEWER, 100_000).await;
    assert!(unfinished >= 2, "{unfinished}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_unfinished_is_never_handed_to_a_build() {
    let (world, slow) = slow_world(1).await;
    let shop = of_files(FEWER, 40);
    world.push_shop(&shop).await;
    assert!(world.builds().is_empty());
    assert_eq!(world.bundles(), [format!("shop/.partial/{}.zip", shop.1)]);
    // Nor does another push take it for a bundle of the repository.
    world.end_fault(slow);
    world.push("shop", "other", &shop.1).await;
    world.assert_built(&shop.0, &shop.1);
    assert_eq!(world.outcomes("built")[0]["fetched"], FEWER);
}
