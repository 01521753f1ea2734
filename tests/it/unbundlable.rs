//! Commits that no bundle can hold are built straight from CodeCommit, loudly, where that works.

use crate::setup::prelude::*;

const LIMIT: usize = 6_291_456;

fn repository_with(path: &[u8], content: &[u8]) -> (Repository, String) {
    Repository::of(&[
        (b"README.md", Mode::File, b"x"),
        (path, Mode::File, content),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_bundle_can_hold_is_left_to_codecommit_with_a_warning_that_names_it() {
    let large = vec![7; LIMIT + 1];
    for (shop, reason) in [
        (
            repository_with(b"assets/film.mp4", &large),
            "assets/film.mp4 is larger than the 6291456 bytes",
        ),
        // Not UTF-8.
        (
            repository_with(b"src/caf\xe9.txt", b"latin"),
            "folder `src`",
        ),
        (
            Repository::of(&[(b"old", Mode::GroupWritable, b"x")]),
            "folder ``",
        ),
    ] {
        let world = World::start().await;
        world.push_shop(&shop).await;
        let (build, commit) = (world.build(), shop.1);
        assert_eq!(build.source_type, "CODECOMMIT");
        assert_eq!(
            build.source_location.as_deref(),
            Some("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop")
        );
        let version = format!("refs/heads/main^{{{commit}}}");
        assert_eq!(build.source_version, Some(version));
        assert_eq!(build.variable("COMMIT_ID"), Some(commit.as_str()));
        assert!(world.bundles().is_empty(), "{:?}", world.bundles());
        assert_eq!(world.unfinished_uploads(), 0);
        let log = world.log();
        let is_warning = |line: &str| line.contains("\"WARN\"") && line.contains(reason);
        assert!(log.lines().any(is_warning), "{reason}: {log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_exactly_the_limit_is_bundled() {
    let world = World::start().await;
    let shop = repository_with(b"film.mp4", &vec![7; LIMIT]);
    world.push_shop(&shop).await;
    world.assert_built(&shop.0, &shop.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_turned_off() {
    let world = World::with_env(&[("UNBUNDLABLE", "reject")]).await;
    let shop = repository_with(b"film.mp4", &vec![7; LIMIT + 1]);
    world.push_shop(&shop).await;
    assert!(world.builds().is_empty());
    assert_eq!(world.dead_letters(), 1);
    world.assert_failed("reject", "film.mp4");
    world.assert_failed("reject", "UNBUNDLABLE=reject");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_or_region_cannot_be_left_to_codecommit() {
    for (account, region, place) in [
        ("111122223333", "eu-west-1", "another account"),
        ("000000000000", "us-east-1", "another region"),
    ] {
        let role = "arn:aws:iam::{account}:role/pushbuild-reader";
        let world = World::with_env(&[("CODECOMMIT_ROLE_ARN", role)]).await;
        let (repository, commit) = repository_with(b"film.mp4", &vec![7; LIMIT + 1]);
        world.serve("shop", &repository);
        let event = RepositoryEvent::created("shop", "refs/heads/main", &commit);
        world.push_from(account, region, event).await;
        assert!(world.builds().is_empty());
        world.assert_failed("reject", place);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lfs_pointers_are_bundled_as_they_are_with_one_warning_that_counts_them() {
    let world = World::start().await;
    let shop = Repository::of(&[
        (b"a.psd", Mode::File, &lfs_pointer(1)),
        (b"b.psd", Mode::File, &lfs_pointer(2)),
        (
            b"README.md",
            Mode::File,
            b"see https://git-lfs.github.com/spec/v1\n",
        ),
    ]);
    world.push_shop(&shop).await;
    world.assert_built(&shop.0, &shop.1);
    let log = world.log();
    let is_warning = |line: &&str| line.contains("Git LFS pointers");
    let warnings: Vec<_> = log.lines().filter(is_warning).collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("\"pointers\":2"), "{warnings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_text_format_a_path_with_a_newline_forges_no_line() {
    let world = World::with_env(&[("AWS_LAMBDA_LOG_FORMAT", "Text")]).await;
    let shop = repository_with(b"film\nERROR forged\x1b[31m.mp4", &vec![7; LIMIT + 1]);
    world.push_shop(&shop).await;
    assert_eq!(world.build().source_type, "CODECOMMIT");
    let log = world.log();
    assert!(
        log.contains(r"film\nERROR forged\u{1b}[31m.mp4 is larger"),
        "{log}"
    );
    assert!(!log.lines().any(|line| line.starts_with("ERROR")), "{log}");
}
