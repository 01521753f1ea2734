//! What an earlier bundle holds is taken over, whatever the bundle is like.

use std::io::Cursor;
use std::time::SystemTime;

use crate::setup::bundle::assert_exact;
use crate::setup::{Mode, Repository, World};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use pushbuild_local::calls::Service;
use pushbuild_local::events::RepositoryEvent;
use pushbuild_local::faults::{Action, Rule};
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const BUCKET: &str = "pushbuild-bundles";

/// Sixty files in six folders, and a link and a program beside them.
fn project(changed: &[(&str, &str)]) -> Vec<(String, Mode, Vec<u8>)> {
    let mut files = vec![
        (
            "bin/run".to_owned(),
            Mode::Executable,
            b"#!/bin/sh\n".to_vec(),
        ),
        ("readme".to_owned(), Mode::Link, b"docs/0/3".to_vec()),
    ];
    for folder in 0..6 {
        for file in 0..10 {
            let path = format!("docs/{folder}/{file}");
            let content = format!("{path}\n").repeat(30 * file + 1);
            files.push((path, Mode::File, content.into_bytes()));
        }
    }
    for (path, content) in changed {
        let content = content.as_bytes().to_vec();
        match files.iter_mut().find(|(known, _, _)| known == path) {
            Some(file) => file.2 = content,
            None => files.push(((*path).to_owned(), Mode::File, content)),
        }
    }
    files
}

fn commit(repository: &Repository, branch: &str, files: &[(String, Mode, Vec<u8>)]) -> String {
    let files: Vec<_> = files
        .iter()
        .map(|(path, mode, content)| (path.as_bytes(), *mode, content.as_slice()))
        .collect();
    repository.commit(branch, &files)
}

/// The calls to CodeCommit since the list was cleared.
fn codecommit_calls(world: &World) -> usize {
    let calls = world.aws.calls().list();
    calls
        .iter()
        .filter(|call| call.service == Service::CodeCommit)
        .count()
}

/// A world in which `main` of `shop` has been built at its first commit; and that commit.
async fn built_once() -> (World, Repository, String) {
    let world = World::start().await;
    let repository = Repository::empty();
    let first = commit(&repository, "main", &project(&[]));
    world.serve("shop", &repository);
    world.push("shop", "main", &first).await;
    assert_eq!(world.builds().len(), 1, "{}", world.log());
    world.aws.calls().clear();
    (world, repository, first)
}

async fn update(world: &World, commit: &str, old: &str) {
    world
        .deployment
        .send_push("shop", "main", commit, Some(old))
        .unwrap();
    world.settle().await;
}

/// The newest build's bundle is exactly the commit.
fn assert_last_is_exact(world: &World, repository: &Repository, commit: &str) {
    let build = world.builds().pop().unwrap();
    assert_eq!(build.variable("COMMIT_ID"), Some(commit), "{}", world.log());
    assert_exact(&world.bundle_of(&build), repository.path(), commit);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_costs_calls_for_what_changed_and_three_more() {
    let (world, repository, first) = built_once().await;
    let changed = project(&[("docs/1/5", "changed"), ("docs/2/new", "new"), ("top", "x")]);
    let second = commit(&repository, "main", &changed);
    update(&world, &second, &first).await;
    assert_last_is_exact(&world, &repository, &second);
    // The root, `docs` and two folders in it are made of what changed.
    let files = 3;
    assert_eq!(codecommit_calls(&world), files + 2);
    assert_eq!(world.calls(Service::CodeCommit, "GetFile"), files);
    assert_eq!(world.calls(Service::CodeCommit, "GetDifferences"), 1);
    assert_eq!(world.calls(Service::S3, "ListObjectsV2"), 0);
}

/// A push of three files whose list of changes comes to nothing; its folders are listed then.
async fn costs_calls_without_a_list_of_changes(fault: Rule, folders: usize) -> World {
    let (world, repository, first) = built_once().await;
    world.aws.faults().add(fault.operation("GetDifferences"));
    let changed = project(&[("docs/1/5", "changed"), ("docs/2/new", "new"), ("top", "x")]);
    let second = commit(&repository, "main", &changed);
    update(&world, &second, &first).await;
    assert_last_is_exact(&world, &repository, &second);
    let files = 3;
    let calls = codecommit_calls(&world);
    assert!(calls <= files + folders + 3, "{calls} calls");
    assert_eq!(world.calls(Service::CodeCommit, "GetFile"), files);
    assert_eq!(world.calls(Service::CodeCommit, "GetFolder"), folders);
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_ask_what_changed_costs_a_call_for_each_changed_folder() {
    let denied = Rule::new(Action::Exception {
        code: "AccessDeniedException".to_owned(),
        status: 400,
        message: "not authorized to perform: codecommit:GetDifferences".to_owned(),
    });
    // The root, `docs` and two folders in it.
    let world = costs_calls_without_a_list_of_changes(denied, 4).await;
    let log = world.log();
    assert!(log.contains("does not say what has changed"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_changes_that_is_not_true_costs_a_call_for_each_changed_folder() {
    let untrue = Rule::new(Action::DropEntry {
        name: "docs/1/5".to_owned(),
    });
    // The root, `docs` and the folder in it that the list leaves out.
    let world = costs_calls_without_a_list_of_changes(untrue, 3).await;
    let log = world.log();
    assert!(log.contains("does not lead to the commit's tree"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_exact_with_anything_in_the_list_of_changes() {
    let (world, repository, first) = built_once().await;
    let mutated = Rule::new(Action::Mutate).chance(1.0, 3);
    let mutated = world.aws.faults().add(mutated.operation("GetDifferences"));
    let mut old = first;
    for number in 0..30 {
        let content = format!("{number}");
        let new = commit(
            &repository,
            "main",
            &project(&[("docs/1/5", &content), ("top", &content)]),
        );
        update(&world, &new, &old).await;
        assert_last_is_exact(&world, &repository, &new);
        old = new;
    }
    assert!(world.aws.faults().fired(mutated).unwrap().fired > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_changes_than_one_answer_lists_are_found_in_the_folders() {
    let (world, repository, first) = built_once().await;
    let new: Vec<_> = (0..150).map(|number| format!("new/{number}")).collect();
    let mut changed: Vec<_> = new.iter().map(|path| (path.as_str(), "the same")).collect();
    changed.push(("docs/1/5", "changed"));
    let second = commit(&repository, "main", &project(&changed));
    update(&world, &second, &first).await;
    assert_last_is_exact(&world, &repository, &second);
    assert_eq!(world.calls(Service::CodeCommit, "GetDifferences"), 1);
    // The root and `new`; the first answer told all of `docs`.
    assert_eq!(world.calls(Service::CodeCommit, "GetFolder"), 2);
    let log = world.log();
    assert!(!log.contains("does not lead to"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_branch_is_told_what_changed_since_the_newest_bundle() {
    let (world, repository, _) = built_once().await;
    let second = commit(&repository, "main", &project(&[("docs/1/5", "changed")]));
    world.push("shop", "feature/new", &second).await;
    assert_last_is_exact(&world, &repository, &second);
    for (operation, calls) in [("GetDifferences", 1), ("GetFile", 1), ("GetFolder", 0)] {
        assert_eq!(
            world.calls(Service::CodeCommit, operation),
            calls,
            "{operation}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_branch_whose_tree_a_bundle_holds_fetches_nothing() {
    let (world, repository, first) = built_once().await;
    world.push("shop", "feature/same", &first).await;
    assert_last_is_exact(&world, &repository, &first);
    let same_tree = repository.git(&[
        "-c",
        "user.name=M",
        "-c",
        "user.email=m@example.com",
        "commit-tree",
        "-m",
        "the same once more",
        &format!("{first}^{{tree}}"),
    ]);
    world.push("shop", "feature/again", &same_tree).await;
    assert_last_is_exact(&world, &repository, &same_tree);
    for operation in ["GetFile", "GetBlob", "GetFolder"] {
        assert_eq!(
            world.calls(Service::CodeCommit, operation),
            0,
            "{operation}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_folder_and_a_copied_file_are_not_fetched() {
    let (world, repository, first) = built_once().await;
    let mut files = project(&[]);
    for (path, _, _) in &mut files {
        *path = path.replace("docs/3/", "elsewhere/deep/");
    }
    let copy = files[20].2.clone();
    files.push(("copy".to_owned(), Mode::Executable, copy.clone()));
    files.push(("target".to_owned(), Mode::Link, copy));
    files.push(("as-file".to_owned(), Mode::File, b"docs/0/3".to_vec()));
    let second = commit(&repository, "main", &files);
    update(&world, &second, &first).await;
    assert_last_is_exact(&world, &repository, &second);
    assert_eq!(world.calls(Service::CodeCommit, "GetFile"), 0);
    assert_eq!(world.calls(Service::CodeCommit, "GetBlob"), 0);
    assert_eq!(world.calls(Service::CodeCommit, "GetFolder"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_repositorys_bundle_is_no_base() {
    let (world, repository, first) = built_once().await;
    world.serve("shop2", &repository);
    world.push("shop2", "main", &first).await;
    assert_last_is_exact(&world, &repository, &first);
    assert_eq!(world.calls(Service::CodeCommit, "GetFolder"), 9);
}

/// Stores other bytes under the first bundle's key, under its metadata but for what `change` says.
async fn replace(world: &World, first: &str, bytes: Vec<u8>, change: Option<(&str, &str)>) {
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .http_client(pushbuild::aws::connections::Connections::prepare())
        .endpoint_url(world.aws.endpoint())
        .force_path_style(true)
        .region(aws_sdk_s3::config::Region::new("eu-west-1"));
    config = config.credentials_provider(aws_sdk_s3::config::Credentials::new(
        "TEST", "none", None, None, "test",
    ));
    let client = aws_sdk_s3::Client::from_conf(config.build());
    let key = format!("shop/main/{first}.zip");
    let object = world.aws.s3().objects(BUCKET).remove(0);
    assert_eq!(object.key, key);
    let mut metadata = object.metadata;
    if let Some((name, value)) = change {
        metadata.insert(name.to_owned(), value.to_owned());
    }
    client
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .set_metadata(Some(metadata.into_iter().collect()))
        .body(bytes.into())
        .send()
        .await
        .unwrap();
}

/// Whatever is done to the base, the push is built, exact, and the log warns.
async fn survives(damage: impl AsyncFnOnce(&World, &str, Vec<u8>)) {
    let (world, repository, first) = built_once().await;
    let second = commit(&repository, "main", &project(&[("docs/1/5", "changed")]));
    let bytes = world.bundle_of(&world.build());
    damage(&world, &first, bytes).await;
    update(&world, &second, &first).await;
    assert_last_is_exact(&world, &repository, &second);
    assert_eq!(world.builds().len(), 2);
    assert!(
        world.log().contains("\"level\":\"WARN\""),
        "{}",
        world.log()
    );
    assert!(world.calls(Service::CodeCommit, "GetFile") > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_truncated_base_falls_back_to_fetching() {
    survives(async |world, first, bytes| {
        replace(world, first, bytes[..bytes.len() / 2].to_vec(), None).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_base_falls_back_to_fetching() {
    survives(async |world, first, _| replace(world, first, Vec::new(), None).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_of_another_format_falls_back_to_fetching() {
    survives(async |world, first, bytes| {
        replace(world, first, bytes, Some(("format", "0"))).await;
    })
    .await;
}

/// As the version before wrote it: compressed otherwise, and with Info-ZIP's extended timestamps.
fn as_an_earlier_version(bundle: &[u8]) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(bundle)).unwrap();
    let mut earlier = ZipWriter::new(Cursor::new(Vec::new()));
    earlier.set_raw_comment(archive.comment().into()).unwrap();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let level = (file.compression() == CompressionMethod::Deflated).then_some(1);
        let options = file.options().into_full_options();
        let options = options
            .compression_level(level)
            .with_file_comment(file.comment())
            .with_extended_timestamp(Some(1_560_335_023), None, None)
            .unwrap();
        let name = file.name().unwrap().into_owned();
        earlier.start_file(name, options).unwrap();
        std::io::copy(&mut file, &mut earlier).unwrap();
    }
    earlier.finish().unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_versions_bundle_is_taken_over_and_leaves_no_trace_in_the_bytes() {
    let (world, repository, first) = built_once().await;
    let bytes = world.bundle_of(&world.build());
    let earlier = as_an_earlier_version(&bytes);
    assert_ne!(earlier, bytes);
    replace(&world, &first, earlier, Some(("format", "1"))).await;
    let second = commit(&repository, "main", &project(&[("docs/1/5", "changed")]));
    world.serve("fresh", &repository);
    world.aws.calls().clear();
    let now = SystemTime::now();
    let mut bundles = Vec::new();
    for name in ["shop", "fresh"] {
        let event = RepositoryEvent::updated(name, "refs/heads/main", &second, &first).from(
            "000000000000",
            "eu-west-1",
            now,
        );
        world.deployment.send_event(&event).unwrap();
        world.settle().await;
        if name == "shop" {
            assert_eq!(world.calls(Service::CodeCommit, "GetFile"), 1);
            assert_eq!(world.calls(Service::CodeCommit, "GetFolder"), 0);
        }
        assert_last_is_exact(&world, &repository, &second);
        bundles.push(world.bundle_of(&world.builds().pop().unwrap()));
    }
    assert!(bundles[0] == bundles[1], "the bytes differ");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_whose_contents_are_garbled_falls_back_to_fetching() {
    survives(async |world, first, mut bytes| {
        let directory = bytes.windows(4).position(|four| four == b"PK\x01\x02");
        for byte in bytes[..directory.unwrap()].iter_mut().step_by(50) {
            *byte ^= 0x10;
        }
        replace(world, first, bytes, None).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_whose_directory_is_garbled_falls_back_to_fetching() {
    survives(async |world, first, mut bytes| {
        let directory = bytes.windows(4).position(|four| four == b"PK\x01\x02");
        for byte in bytes[directory.unwrap()..].iter_mut().skip(70).step_by(200) {
            *byte ^= 0x10;
        }
        replace(world, first, bytes, None).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_names_other_ids_for_its_contents_falls_back_to_fetching() {
    survives(async |world, first, mut bytes| {
        // Every blob id one bit off, or on to another blob: the trees no longer hash to theirs.
        let starts: Vec<_> = (0..bytes.len() - 5)
            .filter(|at| bytes[*at..].starts_with(b"blob "))
            .collect();
        for at in starts {
            bytes[at + 5] = if bytes[at + 5] == b'0' { b'1' } else { b'0' };
        }
        replace(world, first, bytes, None).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_cannot_be_read_falls_back_to_fetching() {
    survives(async |world, _, _| {
        let refused = Action::Exception {
            code: "AccessDenied".to_owned(),
            status: 403,
            message: "no".to_owned(),
        };
        world
            .aws
            .faults()
            .add(Rule::new(refused.clone()).operation("GetObject"));
        world
            .aws
            .faults()
            .add(Rule::new(refused).operation("ListObjectsV2"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bit_that_changes_on_the_way_is_noticed() {
    survives(async |world, _, _| {
        world
            .aws
            .faults()
            .add(Rule::new(Action::FlipBit).operation("GetObject"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_base_is_replaced_by_the_newest_bundle_of_the_repository() {
    let (world, repository, first) = built_once().await;
    let unknown = "1".repeat(40);
    let second = commit(&repository, "main", &project(&[("docs/1/5", "changed")]));
    update(&world, &second, &unknown).await;
    assert_last_is_exact(&world, &repository, &second);
    assert_eq!(world.calls(Service::S3, "ListObjectsV2"), 1);
    assert_eq!(world.calls(Service::CodeCommit, "GetFile"), 1);
    assert_ne!(first, second);
}

const PATHS: [&str; 10] = [
    "a",
    "b.txt",
    "dir/a",
    "dir/b",
    "dir/sub/c",
    "dir.d/e",
    "other/žluť",
    "z",
    "zz/back\\slash",
    "zz/q",
];

/// Commits one after the other: for each path the number of its content and its mode.
fn history() -> impl Strategy<Value = Vec<Vec<Option<(usize, usize)>>>> {
    let file = proptest::option::weighted(0.7, (0..6_usize, 0..8_usize));
    proptest::collection::vec(proptest::collection::vec(file, PATHS.len()), 2..5)
}

fn files_of(state: &[Option<(usize, usize)>]) -> Vec<(String, Mode, Vec<u8>)> {
    let noise: Vec<u8> = (0..300_000_u32)
        .map(|n| {
            n.wrapping_mul(2_654_435_761)
                .rotate_left(n % 31)
                .to_be_bytes()[0]
        })
        .collect();
    let long = vec![b'l'; 90_000];
    let contents: [&[u8]; 6] = [b"", b"x", b"a/target", &noise, &long, b"\0\n\xff"];
    PATHS
        .iter()
        .zip(state)
        .filter_map(|(path, state)| {
            let (content, mode) = (*state)?;
            let content = contents[content].to_vec();
            let mode = match mode {
                0 => Mode::Executable,
                1 => Mode::Link,
                2 => return Some(((*path).to_owned(), Mode::Submodule, vec![b'5'; 40])),
                _ => Mode::File,
            };
            Some(((*path).to_owned(), mode, content))
        })
        .collect()
}

#[test]
fn an_event_makes_the_same_bytes_with_a_base_and_without() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::start());
    let number = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome =
        runner.run(&history(), |history| {
            number.set(number.get() + 1);
            let [grown, fresh] = ["grown", "fresh"].map(|name| format!("{name}-{}", number.get()));
            let repository = Repository::empty();
            let commits: Vec<_> = history
                .iter()
                .map(|state| commit(&repository, "main", &files_of(state)))
                .collect();
            world.serve(&grown, &repository);
            world.serve(&fresh, &repository);
            let now = SystemTime::now();
            let push =
                |name: &str, commit: &str, old: &str| {
                    let event = RepositoryEvent::updated(name, "refs/heads/main", commit, old)
                        .from("000000000000", "eu-west-1", now);
                    world.deployment.send_event(&event).unwrap();
                    runtime.block_on(world.settle());
                };
            let mut old = "1".repeat(40);
            for commit in &commits {
                world.aws.calls().clear();
                push(&grown, commit, &old);
                old.clone_from(commit);
            }
            // So few changes are all in one answer, whatever they are.
            assert_eq!(world.calls(Service::CodeCommit, "GetFolder"), 0);
            let last = commits.last().unwrap();
            push(&fresh, last, &"1".repeat(40));
            let [grown, fresh] = [grown, fresh].map(|name| {
                std::fs::read(
                    world
                        .aws
                        .s3()
                        .path(BUCKET, &format!("{name}/main/{last}.zip")),
                )
                .unwrap()
            });
            assert_exact(&grown, repository.path(), last);
            prop_assert!(grown == fresh, "the bytes differ");
            Ok(())
        });
    assert_eq!(outcome, Ok(()), "{}", world.log());
}
