//! Trees that somebody made to do harm end in a clear reject, in a bounded time and memory.
#![cfg(target_os = "linux")]

use crate::setup::prelude::*;

/// Bytes at the peak: with everything else a function of 512 MB does not come near its end.
const MOST_MEMORY: u64 = 400 * 1024 * 1024;

/// Pushes a tree and asserts that it is refused for this reason, without a trace in AWS.
async fn refused(repository: &Repository, tree: &str, why: &str) -> World {
    let commit = repository.commit_tree(tree);
    let world = World::with(|deploy| {
        deploy.max_receive_count = 1;
        let size = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE".to_owned();
        deploy.env.insert(size, "1024".to_owned());
    })
    .await;
    world.serve("shop", repository);
    world.push("shop", "main", &commit).await;
    assert_eq!(world.dead_letters(), 1, "{}", world.log());
    assert!(world.builds().is_empty());
    assert!(world.bundles().is_empty());
    world.assert_failed("reject", why);
    for failure in world.outcomes("failed") {
        // Names of any length do not flood the log.
        assert!(failure["error"].as_str().unwrap().len() < 1_000);
    }
    let peak = world.peak_memory();
    println!("{why}: {} MB", peak / 1024 / 1024);
    assert!(peak < MOST_MEMORY, "{peak} bytes");
    world
}

/// Names of so many entries.
fn names(many: usize) -> impl Iterator<Item = String> {
    (0..many).map(|number| format!("entry-{number:06}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn two_million_entries_in_a_handful_of_objects() {
    let repository = Repository::empty();
    let blob = repository.blob(b"x");
    let leaf = repository.wide(&format!("100644 blob {blob}"), names(2_000));
    let root = repository.wide(&format!("040000 tree {leaf}"), names(1_000));
    let world = refused(&repository, &root, "more than 500000 entries").await;
    // It stopped half-way.
    let calls = world.aws.calls.of(Service::CodeCommit, "GetFolder");
    let again = calls.iter().filter(|call| call.attempt > 1).count();
    assert_eq!(again, 0);
    assert!(calls.len() < 400, "{} calls", calls.len());
    assert_eq!(world.calls(Service::CodeCommit, "GetFile"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_two_hundred_thousand_entries() {
    let repository = Repository::empty();
    let blob = repository.blob(b"x");
    let root = repository.wide(&format!("100644 blob {blob}"), names(200_000));
    refused(&repository, &root, "too many entries in folder").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_a_thousand_deep_and_a_path_of_more_than_four_thousand_characters() {
    for (folder, depth, why) in [
        ("d/".to_owned(), 1_000, "folders deep"),
        ("d".repeat(250) + "/", 20, "longer than 4096 bytes"),
    ] {
        let (repository, commit) = Repository::of([(folder.repeat(depth) + "a", FILE, "x")]);
        refused(&repository, &format!("{commit}^{{tree}}"), why).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_would_leave_the_folder() {
    // The last three are Git's own folder, and the one above: what no honest Git writes.
    for name in [
        r"..\..\evil",
        r"C:\evil",
        r"\evil",
        r"a\..\..\b",
        "..",
        ".git",
        ".GIT",
    ] {
        let repository = Repository::empty();
        let id = gix_hash::ObjectId::from_hex(repository.blob(b"x").as_bytes()).unwrap();
        let tree = [b"100644 ", name.as_bytes(), b"\0", id.as_slice()].concat();
        let literally = ["hash-object", "-t", "tree", "-w", "--literally", "--stdin"];
        let root = repository.git_with(&literally, &tree);
        refused(&repository, &root, "the name").await;
    }
}
