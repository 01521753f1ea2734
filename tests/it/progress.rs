//! A fetch that no invocation has the time for is done by several.

use std::time::Duration;

use crate::setup::bundle::assert_exact;
use crate::setup::{Repository, World};
use pushbuild_local::calls::Service;
use pushbuild_local::faults::{Action, Rule};

/// Four invocations' worth: 128 calls at once (64 until the first are answered), two seconds each,
/// and some three seconds of each invocation for them.
const MANY: usize = 420;

/// Three invocations' worth.
const FEWER: usize = 300;

async fn slow_world() -> World {
    let world = World::with(|deploy| {
        deploy.timeout = Duration::from_secs(8);
        deploy.max_receive_count = 12;
        // On the local AWS's clock, which is a hundred times as fast.
        deploy.visibility_timeout = Some(Duration::from_hours(1));
    })
    .await;
    // Other than at a first delivery, builds are looked for in it.
    world.aws.codebuild().add_project("shop");
    let slow = Rule::new(Action::Latency {
        ms: 2000,
        jitter_ms: 0,
    });
    world.aws.faults().add(slow.operation("GetFile"));
    world
}

fn of_files(files: usize, bytes: usize) -> (Repository, String) {
    Repository::of_noise(0, files, bytes, |n| format!("{}/{n}", n % 10))
}

async fn goes_on_until_it_is_done(files: usize, bytes: usize) -> usize {
    let world = slow_world().await;
    let (repository, commit) = of_files(files, bytes);
    world.serve("shop", &repository);
    world.push("shop", "main", &commit).await;
    assert_exact(&world.bundle_of(&world.build()), repository.path(), &commit);
    let unfinished = world.outcomes("failed").len();
    assert_eq!(world.bundles(), [format!("shop/main/{commit}.zip")]);
    let uploads = world.aws.s3().unfinished_uploads(world.deployment.bucket());
    assert!(uploads.is_empty(), "{uploads:?}");
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
    let world = World::with(|deploy| {
        deploy.timeout = Duration::from_secs(8);
        deploy.max_receive_count = 1;
        deploy.visibility_timeout = Some(Duration::from_hours(1));
    })
    .await;
    let slow = Rule::new(Action::Latency {
        ms: 2000,
        jitter_ms: 0,
    });
    let slow = world.aws.faults().add(slow.operation("GetFile"));
    let (repository, commit) = of_files(FEWER, 40);
    world.serve("shop", &repository);
    world.push("shop", "main", &commit).await;
    assert!(world.builds().is_empty());
    assert_eq!(world.bundles(), [format!("shop/.partial/{commit}.zip")]);
    // Nor does another push take it for a bundle of the repository.
    world.aws.faults().remove(slow);
    world.push("shop", "other", &commit).await;
    assert_exact(&world.bundle_of(&world.build()), repository.path(), &commit);
    assert_eq!(world.outcomes("built")[0]["fetched"], FEWER);
}
