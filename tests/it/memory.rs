//! Memory stays flat whatever the size of a repository.
#![cfg(target_os = "linux")]

use crate::setup::prelude::*;

/// Bytes above an idle function.
const MOST: u64 = 256 * 1024 * 1024;

/// 200 files make the gigabyte of docs/performance.md; fewer show the same.
fn files() -> usize {
    let files = std::env::var("PUSHBUILD_TEST_LARGE_FILES").ok();
    files.map_or(30, |files| files.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_files_stay_below_a_quarter_of_a_gigabyte_fetched_or_taken_over() {
    let world = World::with(|deploy| deploy.timeout = Duration::from_mins(5)).await;
    let (small, first) = Repository::of(&[(b"a", Mode::File, b"x")]);
    world.serve("small", &small);
    world.push("small", "main", &first).await;
    let idle = world.memory("VmRSS");

    let (repository, commit) = Repository::of_noise(0, files(), 5_000_000, |n| format!("{n:04}"));
    world.serve("large", &repository);
    world.push("large", "main", &commit).await;
    let fetched = world.memory("VmHWM") - idle;
    println!("idle {idle}, fetching {fetched} above");
    assert_eq!(world.builds().len(), 2, "{}", world.log());
    world.assert_built(&repository, &commit);
    assert!(fetched < MOST, "{fetched} bytes above {idle}");

    world.push("large", "again", &commit).await;
    let taken_over = world.memory("VmHWM") - idle;
    println!("with a base {taken_over} above");
    assert_eq!(world.builds().len(), 3, "{}", world.log());
    assert!(taken_over < MOST, "{taken_over} bytes above {idle}");
}
