//! What an earlier bundle holds is taken over, and not asked of CodeCommit.

use crate::setup::prelude::*;
use crate::setup::project::{built_once, project, update};
use crate::setup::repository::noise;

/// Asserts how often GetDifferences, GetFolder, GetFile and GetBlob have been called since the last
/// time, and ListObjectsV2.
fn assert_calls(what: &str, world: &World, expected: [usize; 5]) {
    let operations = [
        "GetDifferences",
        "GetFolder",
        "GetFile",
        "GetBlob",
        "ListObjectsV2",
    ];
    let calls = world.aws.calls.list();
    let count = |name| calls.iter().filter(|call| call.operation == name).count();
    assert_eq!(operations.map(count), expected, "{what}: {}", world.log());
    world.aws.calls.clear();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_costs_calls_for_what_changed() {
    let three = || project(&[("docs/1/5", "changed"), ("docs/2/new", "new"), ("top", "x")]);
    let unsaid = "does not say what has changed";
    let elsewhere = "does not lead to the commit's tree";
    let message = "not authorized to perform: codecommit:GetDifferences";
    let denied = exception("AccessDeniedException", message);
    let name = "docs/1/5".to_owned();
    let untrue = Rule::new(Action::DropEntry { name });
    let new: Vec<_> = (0..150).map(|number| format!("new/{number}")).collect();
    let mut many: Vec<_> = new.iter().map(|path| (path.as_str(), "the same")).collect();
    many.push(("docs/1/5", "changed"));
    let mut moved = project(&[]);
    for (path, ..) in &mut moved {
        *path = path.replace("docs/3/", "elsewhere/deep/");
    }
    let copy = moved[20].2.clone();
    moved.push(("copy".to_owned(), EXECUTABLE, copy.clone()));
    moved.push(("target".to_owned(), LINK, copy));
    moved.push(("as-file".to_owned(), FILE, b"docs/0/3".to_vec()));
    // The folders are the root, `docs` and those in it.
    for (what, fault, files, folders, fetched, warning) in [
        ("three changes", None, three(), 0, 3, ""),
        ("may not ask", Some(denied), three(), 4, 3, unsaid),
        ("an untrue list", Some(untrue), three(), 3, 3, elsewhere),
        // The first answer tells all of `docs`, and not of the root and of `new`.
        ("more than one answer lists", None, project(&many), 2, 2, ""),
        ("moved and copied", None, moved, 0, 0, ""),
    ] {
        let (world, repository, first) = built_once().await;
        if let Some(fault) = fault {
            world.fault(fault.operation("GetDifferences"));
        }
        let second = repository.commit("main", files);
        update(&world, &repository, &second, &first).await;
        assert_calls(what, &world, [1, folders, fetched, 0, 0]);
        let log = world.log();
        assert!(log.contains(warning), "{what}: {log}");
        assert_eq!(log.contains("WARN"), !warning.is_empty(), "{what}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_exact_whatever_the_list_of_changes_says() {
    let (world, repository, first) = built_once().await;
    let mutated = Rule::new(Action::Mutate).chance(1.0, 3);
    let mutated = world.fault(mutated.operation("GetDifferences"));
    let mut old = first;
    for number in 0..30 {
        let content = format!("{number}");
        let changed = project(&[("docs/1/5", &content), ("top", &content)]);
        let new = repository.commit("main", changed);
        update(&world, &repository, &new, &old).await;
        old = new;
    }
    assert!(world.fired(mutated) > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_bundle_of_the_commit_before_the_newest_one_of_the_repository_is_the_base() {
    let (world, repository, first) = built_once().await;
    let unknown = "1".repeat(40);
    let same_tree = repository.commit_tree(&format!("{first}^{{tree}}"));
    let second = repository.commit("main", project(&[("docs/1/5", "changed")]));
    let third = repository.commit("main", project(&[("docs/1/5", "again")]));
    for (branch, commit, old, asked, fetched) in [
        ("feature/same", &first, None, 0, 0),
        ("feature/same-tree", &same_tree, None, 0, 0),
        ("feature/new", &second, None, 1, 1),
        // Asked at first about the commit that nobody knows.
        ("main", &third, Some(unknown.as_str()), 2, 1),
    ] {
        let event = world.send("shop", branch, commit, old);
        world.settle().await;
        world.assert_built_once(&event, &repository, commit);
        assert_calls(branch, &world, [asked, 0, fetched, 0, 1]);
    }
    // The bundle of one repository never becomes the base of another.
    world.serve("other", &repository);
    world.push("other", "main", &first).await;
    world.assert_built(&repository, &first);
    assert_calls("another repository", &world, [0, 9, 61, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_of_eight_megabytes_is_read_in_two_calls_and_hardly_a_byte_twice() {
    let world = World::start().await;
    let files = |content: &str| {
        let noise = (0..8).map(|number| (format!("{number}"), FILE, noise(number, 1_000_000)));
        noise.chain([("new".to_owned(), FILE, content.into())])
    };
    let (repository, first) = Repository::of(files("before"));
    world.serve("shop", &repository);
    world.push("shop", "main", &first).await;
    let bundle = world.bundle_of(&world.build()).len() as u64;
    world.aws.calls.clear();
    let second = repository.commit("main", files("after"));
    update(&world, &repository, &second, &first).await;
    let reads = world.aws.calls.of(Service::S3, "GetObject");
    assert_eq!(reads.len(), 2);
    let bytes: u64 = reads.iter().map(|read| read.response_bytes).sum();
    // One content begins before what is read with the end, and ends in it.
    assert!(bytes <= bundle + 1_000_000, "{bytes} of {bundle}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_for_which_there_is_memory_only_without_a_base_is_walked_without_it() {
    // 3 MiB for trees: an entry takes 1,000 bytes, and 500 in the directory of a base.
    let world = World::with_env(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "168")]).await;
    let repository = Repository::empty();
    world.serve("shop", &repository);
    let blob = format!("100644 blob {}", repository.blob(b"x"));
    let commits = [500, 3_000].map(|files| {
        let names = (0..files).map(|number| format!("entry-{number:06}"));
        repository.commit_tree(&repository.wide(&blob, names))
    });
    for commit in &commits {
        world.push("shop", "main", commit).await;
        world.assert_built(&repository, commit);
        // The only content, which a base would have.
        assert_eq!(world.outcomes("built").pop().unwrap()["fetched"], 1);
    }
}
