//! With a base bundle or without one, an event makes the same bytes.

use crate::setup::prelude::*;
use crate::setup::project::commit;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

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
    let outcome = runner.run(&history(), |history| {
        number.set(number.get() + 1);
        let [grown, fresh] = ["grown", "fresh"].map(|name| format!("{name}-{}", number.get()));
        let repository = Repository::empty();
        let commits: Vec<_> = history
            .iter()
            .map(|state| commit(&repository, &files_of(state)))
            .collect();
        world.serve(&grown, &repository);
        world.serve(&fresh, &repository);
        let push = |name: &str, commit: &str, old: &str| {
            world.send(name, "main", commit, Some(old));
            runtime.block_on(world.settle());
        };
        let unknown = "1".repeat(40);
        let mut old = &unknown;
        for commit in &commits {
            world.aws.calls().clear();
            push(&grown, commit, old);
            old = commit;
        }
        // So few changes are all in one answer, whatever they are.
        assert_eq!(world.calls(Service::CodeCommit, "GetFolder"), 0);
        let last = commits.last().unwrap();
        push(&fresh, last, &unknown);
        let [grown, fresh] = [grown, fresh].map(|name| {
            let key = format!("{name}/main/{last}.zip");
            std::fs::read(world.aws.s3().path(world.deployment.bucket(), &key)).unwrap()
        });
        assert_exact(&grown, repository.path(), last);
        prop_assert!(grown == fresh, "the bytes differ");
        Ok(())
    });
    assert_eq!(outcome, Ok(()), "{}", world.log());
}
