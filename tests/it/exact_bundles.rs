//! The extracted bundle equals `git ls-tree -r`: names, modes, targets and bytes, whatever the
//! repository holds.

use std::collections::BTreeMap;
use std::process::Command;

use crate::setup::bundle::assert_python_takes;
use crate::setup::prelude::*;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const SUBMODULE: &[u8] = b"5ed1000000000000000000000000000000000001";

/// Every situation by name, so that none is left to chance.
#[tokio::test(flavor = "multi_thread")]
async fn every_odd_name_mode_and_content_survives() {
    let long = "deep/".repeat(30) + "file";
    let shared = b"one content, many names".as_slice();
    let files: &[FileOf<'_>] = &[
        (b"a b/with space", Mode::File, b"1"),
        (b"quote\"'`", Mode::File, b"2"),
        (b"100%/%41%2f", Mode::File, b"3"),
        (b"plus+hash#amp&semi;eq=q?star*", Mode::File, b"4"),
        (b"back\\slash", Mode::File, b"5"),
        (b"new\nline\ttab", Mode::File, b"6"),
        ("žluťoučký/κόσμος".as_bytes(), Mode::File, b"7"),
        ("🦀/👩\u{200d}💻".as_bytes(), Mode::Executable, b"8"),
        // Two spellings that look the same stay two names.
        ("e\u{301}".as_bytes(), Mode::File, b"9"),
        ("\u{e9}".as_bytes(), Mode::File, b"10"),
        (b"-rf", Mode::File, b"11"),
        (b"~", Mode::File, b"12"),
        (b"$(touch x)", Mode::File, b"13"),
        (b"...", Mode::File, b"14"),
        (b".gitattributes", Mode::File, b"* export-ignore\n"),
        (b"NUL.txt", Mode::File, b"15"),
        (b"A", Mode::File, b"upper"),
        (b"a", Mode::File, b"lower"),
        // Git sorts a folder as if its name ended with a slash.
        (b"sort", Mode::Executable, b"16"),
        (b"sort-1", Mode::File, b"17"),
        (b"sort.d/x", Mode::File, b"18"),
        (b"sort0", Mode::File, b"19"),
        (long.as_bytes(), Mode::File, b"20"),
        (b"empty", Mode::File, b""),
        (b"empty-executable", Mode::Executable, b""),
        (b"bytes", Mode::File, b"\x00\xff\xfe\r\n\x1a"),
        (b"link", Mode::Link, b"a"),
        (b"second-link", Mode::Link, b"a b/with space"),
        (b"dangling", Mode::Link, b"nowhere/at all"),
        (b"absolute", Mode::Link, b"/etc/hostname"),
        (b"link-with-bytes", Mode::Link, b"\xff\xfe"),
        (b"sub/link", Mode::Link, b"../link"),
        (b"module", Mode::Submodule, SUBMODULE),
        (b"vendor/module", Mode::Submodule, SUBMODULE),
        (b"dup/1", Mode::File, shared),
        (b"dup/2", Mode::Executable, shared),
        (b"dup/3", Mode::Link, shared),
        (b"zzz/dup", Mode::File, shared),
    ];
    let world = World::start().await;
    let (repository, commit) = Repository::of(files);
    world.serve("odd", &repository);
    world.push("odd", "main", &commit).await;

    world.assert_built(&repository, &commit);
    let zip = world.bundle_of(&world.build());
    assert_python_takes(&zip);
    assert_unpacks_as_checked_out(&zip, &repository, &commit);
}

/// What `unzip` makes of the bundle is what `git checkout` makes of the commit.
fn assert_unpacks_as_checked_out(zip: &[u8], repository: &Repository, commit: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let [file, bundle, checkout] = ["bundle.zip", "bundle", "checkout"].map(path);
    std::fs::write(&file, zip).unwrap();
    std::fs::create_dir(&checkout).unwrap();
    let all_files = ["checkout", "--quiet", "--force", commit, "--", "."];
    repository.git(&[&["--work-tree", &checkout], &all_files[..]].concat());
    let run = |program: &str, args: &[&str]| {
        let output = Command::new(program)
            .args(args)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{program} {args:?}: {said}");
        said
    };
    // Without -^, unzip drops control characters from names.
    run("unzip", &["-qq", "-^", &file, "-d", &bundle]);
    let compare = ["--recursive", "--no-dereference", &bundle, &checkout];
    assert_eq!(run("diff", &compare), "");
    let executable = |folder: &str| {
        let list = format!("cd {folder} && find . -type f -perm -100 | sort");
        run("sh", &["-c", &list])
    };
    assert_eq!(executable(&bundle), executable(&checkout));
}

type Files = BTreeMap<Vec<u8>, (Mode, Vec<u8>)>;

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

fn files() -> impl Strategy<Value = Files> {
    let path = prop::collection::vec(part(), 1..5).prop_map(|parts| parts.join("/").into_bytes());
    let mode = prop_oneof![
        5 => Just(Mode::File),
        2 => Just(Mode::Executable),
        2 => Just(Mode::Link),
        1 => Just(Mode::Submodule),
    ];
    let content = prop_oneof![
        1 => Just(Vec::new()),
        // Few letters: contents that several paths share.
        3 => prop::collection::vec(b'a'..=b'c', 1..3),
        2 => prop::collection::vec(any::<u8>(), 1..400),
        1 => ".{1,9}".prop_map(|line| line.repeat(200).into_bytes()),
        1 => any::<u32>().prop_map(noise),
    ];
    prop::collection::btree_map(path, (mode, content), 0..40).prop_map(without_clashes)
}

/// A hundred kilobytes that do not compress.
fn noise(seed: u32) -> Vec<u8> {
    let numbers = (seed..).take(25_000);
    let mixed = numbers.map(|n| {
        n.wrapping_mul(2_654_435_761)
            .rotate_left(n % 31)
            .to_be_bytes()
    });
    mixed.flatten().collect()
}

/// Commits one after the other: each keeps some files of the one before, and has some of its own.
fn history() -> impl Strategy<Value = Vec<Files>> {
    let commit = (files(), prop::collection::vec(any::<bool>(), 1..8));
    prop::collection::vec(commit, 2..4).prop_map(|commits| {
        let mut history: Vec<Files> = Vec::new();
        for (mut files, kept) in commits {
            let old = history.last().cloned().unwrap_or_default();
            let kept = old.into_iter().zip(kept.iter().cycle());
            files.extend(kept.filter_map(|(file, kept)| kept.then_some(file)));
            history.push(without_clashes(files));
        }
        history
    })
}

/// A file cannot be where a folder is, a link cannot be empty or hold a zero byte, and a submodule
/// is a commit's id.
fn without_clashes(files: Files) -> Files {
    let mut kept = Files::new();
    for (path, (mode, content)) in files {
        let is_under =
            |other: &Vec<u8>| path.starts_with(other) && path.get(other.len()) == Some(&b'/');
        if kept.keys().any(is_under) {
            continue;
        }
        let content = match mode {
            Mode::Link if content.is_empty() || content.contains(&0) => b"target".to_vec(),
            Mode::Submodule => SUBMODULE.to_vec(),
            _ => content,
        };
        kept.insert(path, (mode, content));
    }
    kept
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
            world.aws.calls().clear();
            let event = world.send(name, "main", commit, Some(old));
            runtime.block_on(world.settle());
            world.assert_built_once(&event, &repository, commit);
            world.bundle_of(&world.builds_of(&event)[0])
        };
        let unknown = "1".repeat(40);
        let mut old = unknown.clone();
        let mut bundle = Vec::new();
        for files in history {
            let files: Vec<FileOf<'_>> = files
                .iter()
                .map(|(path, (mode, content))| (path.as_slice(), *mode, content.as_slice()))
                .collect();
            let commit = repository.commit("main", &files);
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
