//! Memory stays flat whatever the size of a repository.
#![cfg(target_os = "linux")]

use std::fs;
use std::time::Duration;

use crate::setup::bundle::assert_exact;
use crate::setup::{Mode, Repository, World};

/// Bytes above an idle function.
const MOST: u64 = 256 * 1024 * 1024;

/// What `/proc/{pid}/status` says in kB, of the one process that uses this local AWS as a function.
fn status(world: &World, field: &str) -> u64 {
    let ours = format!("AWS_ENDPOINT_URL={}", world.aws.endpoint());
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let environment = fs::read(process.path().join("environ")).unwrap_or_default();
        let is_ours = environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == ours.as_bytes());
        if is_ours {
            let status = fs::read_to_string(process.path().join("status")).unwrap();
            let line = status.lines().find(|line| line.starts_with(field)).unwrap();
            let kilobytes = line.split_whitespace().nth(1).unwrap();
            found.push(kilobytes.parse::<u64>().unwrap() * 1024);
        }
    }
    assert_eq!(found.len(), 1, "function processes");
    found[0]
}

/// 200 files make the gigabyte of docs/performance.md; fewer show the same.
fn files() -> usize {
    let files = std::env::var("PUSHBUILD_TEST_LARGE_FILES").ok();
    files.map_or(30, |files| files.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_files_stay_below_a_quarter_of_a_gigabyte_fetched_or_taken_over() {
    let world = World::with(|deploy| {
        deploy.timeout = Duration::from_mins(5);
        // On the local AWS's clock, which is a hundred times as fast.
        deploy.visibility_timeout = Some(Duration::from_hours(10));
    })
    .await;
    let (small, first) = Repository::of(&[(b"a", Mode::File, b"x")]);
    world.serve("small", &small);
    world.push("small", "main", &first).await;
    let idle = status(&world, "VmRSS");

    let (repository, commit) = Repository::of_noise(0, files(), 5_000_000, |n| format!("{n:04}"));
    world.serve("large", &repository);
    world.push("large", "main", &commit).await;
    let fetched = status(&world, "VmHWM") - idle;
    println!("idle {idle}, fetching {fetched} above");
    assert_eq!(world.builds().len(), 2, "{}", world.log());
    assert_exact(
        &world.bundle_of(&world.builds()[1]),
        repository.path(),
        &commit,
    );
    assert!(fetched < MOST, "{fetched} bytes above {idle}");

    world.push("large", "again", &commit).await;
    let taken_over = status(&world, "VmHWM") - idle;
    println!("with a base {taken_over} above");
    assert_eq!(world.builds().len(), 3, "{}", world.log());
    assert!(taken_over < MOST, "{taken_over} bytes above {idle}");
}
