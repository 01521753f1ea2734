//! The function keeps to its memory whatever is pushed: the kernel ends what takes more.
//!
//! `PUSHBUILD_TEST_PROGRAM=target/release/pushbuild cargo test --test it memory -- --ignored --nocapture`
//! measures a release build with what takes minutes; docs/performance.md has the figures.
#![cfg(target_os = "linux")]

use crate::setup::prelude::*;

/// The template's least `MemorySize`.
const LEAST: u64 = 256;

/// Pushes commits to four branches, each of a repository of its own, in one batch.
async fn push_four(world: &World, repository: &Repository, commit: &str) {
    let mut bodies = Vec::new();
    for number in 0..4 {
        let name = format!("shop-{number}");
        world.serve(&name, repository);
        let event = RepositoryEvent::created(&name, "refs/heads/main", commit);
        bodies.push(event.json().to_string());
    }
    world.send_as_one_batch(&bodies).await;
    while world.deployment.publish.ended() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(world.deaths(), 0, "{}", world.log());
    // And the one before them.
    assert_eq!(world.builds().len(), 5, "{}", world.log());
}

/// Asserts that a commit, pushed to four repositories at once, fits a function of so many MiB.
/// Answers how many it took.
async fn four_fit(what: &str, (repository, commit): (Repository, String), mib: u64) -> u64 {
    let limited = LimitedWorld::of(mib).await;
    push_four(&limited.world, &repository, &commit).await;
    limited.assert_held(what)
}

/// A commit of so many folders, with so many folders each and so many files in each of those, all of
/// the same content; with paths of 107 bytes.
fn many_entries(outer: usize, inner: usize, files: usize) -> (Repository, String) {
    let repository = Repository::empty();
    let blob = repository.blob(b"x");
    let long = |number| format!("{number:08}-{}", "n".repeat(26));
    let leaf = repository.wide(&format!("100644 blob {blob}"), (0..files).map(long));
    let middle = repository.wide(&format!("040000 tree {leaf}"), (0..inner).map(long));
    let root = repository.wide(&format!("040000 tree {middle}"), (0..outer).map(long));
    let commit = repository.commit_tree(&root);
    (repository, commit)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn four_trees_just_within_the_limits_fit_a_function_of_1024() {
    let large = many_entries(130, 150, 23);
    let peak = four_fit("four trees of 468,000 entries", large, 1024).await;
    assert!(peak < 700, "{peak} MiB");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn four_trees_of_100_000_entries_fit_a_function_of_512() {
    four_fit(
        "four trees of 100,000 entries",
        many_entries(10, 10, 999),
        512,
    )
    .await;
}

/// 200 files of noise make a gigabyte; fewer show the same.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn four_repositories_of_a_gigabyte_fit_the_least_function() {
    four_large(200).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_repositories_of_large_files_fit_the_least_function() {
    // Without a budget they would take 260 MiB.
    let peak = four_large(12).await;
    assert!(peak < 200, "{peak} MiB");
}

async fn four_large(files: usize) -> u64 {
    let large = Repository::of_noise(files, 5_000_000, |n| format!("{n:04}"));
    four_fit("four repositories of large files", large, LEAST).await
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_files_fit_the_least_function_fetched_or_taken_over() {
    let (repository, commit) = Repository::of_noise(20, 5_000_000, |n| format!("{n:04}"));
    let limited = LimitedWorld::of(LEAST).await;
    let world = &limited.world;
    world.serve("large", &repository);
    for branch in ["main", "again"] {
        world.push("large", branch, &commit).await;
        let peak = limited.assert_held(branch);
        // Without a budget they would take 207 MiB.
        assert!(peak < 160, "{peak} MiB");
        world.assert_built(&repository, &commit);
    }
    assert_eq!(world.builds().len(), 2, "{}", world.log());
}
