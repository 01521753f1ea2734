//! The extracted bundle equals `git ls-tree -r`: names, modes, targets and bytes, whatever the
//! repository holds.

use std::process::Command;

use crate::setup::bundle::assert_python_takes;
use crate::setup::prelude::*;
use crate::setup::project::File;
use crate::setup::repository::{SUBMODULE, noise};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A submodule's content.
const ID: &str = "5ed1000000000000000000000000000000000001";

/// Every situation by name, so that none is left to chance.
#[tokio::test(flavor = "multi_thread")]
async fn every_odd_name_mode_and_content_survives() {
    let long = "deep/".repeat(30) + "file";
    let shared = b"one content, many names".as_slice();
    let files: &[(&[u8], &str, &[u8])] = &[
        (b"a b/with space", FILE, b"1"),
        (b"quote\"'`", FILE, b"2"),
        (b"100%/%41%2f", FILE, b"3"),
        (b"plus+hash#amp&semi;eq=q?star*", FILE, b"4"),
        (b"back\\slash", FILE, b"5"),
        (b"new\nline\ttab", FILE, b"6"),
        ("žluťoučký/κόσμος".as_bytes(), FILE, b"7"),
        ("🦀/👩\u{200d}💻".as_bytes(), EXECUTABLE, b"8"),
        // Two spellings that look the same stay two names.
        ("e\u{301}".as_bytes(), FILE, b"9"),
        ("\u{e9}".as_bytes(), FILE, b"10"),
        (b"-rf", FILE, b"11"),
        (b"~", FILE, b"12"),
        (b"$(touch x)", FILE, b"13"),
        (b"...", FILE, b"14"),
        (b".gitattributes", FILE, b"* export-ignore\n"),
        (b"NUL.txt", FILE, b"15"),
        (b"A", FILE, b"upper"),
        (b"a", FILE, b"lower"),
        // Git sorts a folder as if its name ended with a slash.
        (b"sort", EXECUTABLE, b"16"),
        (b"sort-1", FILE, b"17"),
        (b"sort.d/x", FILE, b"18"),
        (b"sort0", FILE, b"19"),
        (long.as_bytes(), FILE, b"20"),
        (b"empty", FILE, b""),
        (b"empty-executable", EXECUTABLE, b""),
        (b"bytes", FILE, b"\x00\xff\xfe\r\n\x1a"),
        (b"link", LINK, b"a"),
        (b"second-link", LINK, b"a b/with space"),
        (b"dangling", LINK, b"nowhere/at all"),
        (b"absolute", LINK, b"/etc/hostname"),
        (b"link-with-bytes", LINK, b"\xff\xfe"),
        (b"sub/link", LINK, b"../link"),
        (b"module", SUBMODULE, ID.as_bytes()),
        (b"vendor/module", SUBMODULE, ID.as_bytes()),
        (b"dup/1", FILE, shared),
        (b"dup/2", EXECUTABLE, shared),
        (b"dup/3", LINK, shared),
        (b"zzz/dup", FILE, shared),
    ];
    let world = World::start().await;
    let (repository, commit) = Repository::of(files.iter().copied());
    world.serve("odd", &repository);
    world.push("odd", "main", &commit).await;

    world.assert_built(&repository, &commit);
    let zip = world.bundle_of(&world.build());
    assert_python_takes(&zip);
    assert_unpacks_as_checked_out(&zip, &repository, &commit);
}

/// What `unzip` makes of the bundle is what `git checkout` makes of the commit.
fn assert_unpacks_as_checked_out(zip: &[u8], repository: &Repository, commit: &str) {
    // Without -^, unzip drops control characters from names.
    let script = "set -e
        mkdir checkout
        git -C \"$1\" --work-tree \"$PWD/checkout\" checkout --quiet --force \"$2\" -- .
        unzip -qq -^ bundle.zip -d bundle
        diff --recursive --no-dereference bundle checkout
        for folder in bundle checkout; do
            (cd $folder; find . -type f -perm -100 | sort) > $folder.executable
        done
        cmp bundle.executable checkout.executable";
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bundle.zip"), zip).unwrap();
    let output = Command::new("sh")
        .args(["-c", script, "sh"])
        .arg(repository.path())
        .arg(commit)
        .current_dir(folder.path())
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn part() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        " ", "'", "\"", "%", "+", "#", "\\ ", "&", "é", "ß", "日本", "🦀", ".", "-", "$x", "%2F",
        "\u{7f}", "*",
    ]);
    (
        "[a-zA-Z0-9]{1,3}",
        prop::collection::vec(odd, 0..3),
        "[a-z0-9]{1,2}",
    )
        .prop_map(|(start, middle, end)| format!("{start}{}{end}", middle.concat()))
}

fn file() -> impl Strategy<Value = File> {
    let path = prop::collection::vec(part(), 1..5).prop_map(|parts| parts.join("/"));
    let content = prop_oneof![
        1 => Just(Vec::new()),
        // Few letters: contents that several paths share.
        3 => prop::collection::vec(b'a'..=b'c', 1..3),
        2 => prop::collection::vec(any::<u8>(), 1..400),
        1 => ".{1,9}".prop_map(|line| line.repeat(200).into_bytes()),
        1 => any::<u32>().prop_map(|seed| noise(seed.into(), 100_000)),
    ];
    let any = prop_oneof![
        5 => content.clone().prop_map(|content| (FILE, content)),
        2 => content.clone().prop_map(|content| (EXECUTABLE, content)),
        2 => content.prop_map(|content| (LINK, as_target(content))),
        1 => Just((SUBMODULE, ID.into())),
    ];
    (path, any).prop_map(|(path, (mode, content))| (path, mode, content))
}

/// A link's target can neither be empty nor hold a zero byte.
fn as_target(mut content: Vec<u8>) -> Vec<u8> {
    content.retain(|byte| *byte != 0);
    if content.is_empty() {
        content.push(b'a');
    }
    content
}

/// Commits one after the other: each keeps some files of the one before, and has some of its own.
/// Where a file and a folder have one path, a commit has the later one.
fn history() -> impl Strategy<Value = Vec<Vec<File>>> {
    let files = prop::collection::vec(file(), 0..25);
    let commit = (files, prop::collection::vec(any::<bool>(), 1..8));
    prop::collection::vec(commit, 2..4).prop_map(|commits| {
        let mut history: Vec<Vec<File>> = Vec::new();
        for (files, kept) in commits {
            let old = history.last().cloned().unwrap_or_default();
            let kept = old.into_iter().zip(kept.iter().cycle());
            let kept = kept.filter_map(|(file, kept)| kept.then_some(file));
            history.push(kept.chain(files).collect());
        }
        history
    })
}

#[test]
fn any_history_makes_exact_bundles_and_the_same_bytes_with_a_base_and_without() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let world = runtime.block_on(World::start());
    let config = Config {
        cases: 30,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let number = std::cell::Cell::new(0);
    let outcome = TestRunner::new_with_rng(config, rng).run(&history(), |history| {
        number.set(number.get() + 1);
        let [grown, fresh] = ["grown", "fresh"].map(|name| format!("{name}-{}", number.get()));
        let repository = Repository::empty();
        world.serve(&grown, &repository);
        world.serve(&fresh, &repository);
        let push = |name: &str, commit: &str, old: &str| {
            world.aws.calls.clear();
            let event = world.send(name, "main", commit, Some(old));
            runtime.block_on(world.settle());
            world.assert_built_once(&event, &repository, commit);
            world.bundle_of(&world.builds_of(&event)[0])
        };
        let unknown = "1".repeat(40);
        let mut old = unknown.clone();
        let mut bundle = Vec::new();
        for files in history {
            let commit = repository.commit("main", files);
            bundle = push(&grown, &commit, &old);
            old = commit;
        }
        // So few changes are all in one answer, whatever they are.
        assert_eq!(world.calls(Service::CodeCommit, "GetFolder"), 0);
        prop_assert!(push(&fresh, &old, &unknown) == bundle, "the bytes differ");
        Ok(())
    });
    assert_eq!(outcome, Ok(()), "{}", world.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_gives_the_same_bytes_in_another_process() {
    let (repository, commit) = Repository::small();
    let event = RepositoryEvent::created("shop", "refs/heads/main", &commit);
    let mut bundles = Vec::new();
    for _ in 0..2 {
        let world = World::start().await;
        world.serve("shop", &repository);
        world.deployment.send_event(&event).unwrap();
        world.settle().await;
        bundles.push(world.bundle_of(&world.build()));
    }
    assert_eq!(bundles[0], bundles[1]);
}
