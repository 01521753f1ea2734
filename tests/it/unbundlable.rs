//! Commits that no bundle can hold are built straight from CodeCommit, loudly, where that works.

use crate::setup::prelude::*;
use pushbuild_local::aws::{ACCOUNT, REGION};

const LIMIT: usize = 6_291_456;

/// A commit with a file that is so many bytes longer than the limit.
fn too_long_by(bytes: usize, path: &str) -> (Repository, String) {
    Repository::of([
        ("README.md", FILE, vec![7]),
        (path, FILE, vec![7; LIMIT + bytes]),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_bundle_can_hold_is_left_to_codecommit_with_a_warning_that_names_it() {
    let too_large = "assets/film.mp4 is larger than the 6291456 bytes";
    let not_utf8 = &b"src/caf\xe9.txt"[..];
    for (shop, reason) in [
        (too_long_by(1, "assets/film.mp4"), too_large),
        (Repository::of([(not_utf8, FILE, "latin")]), "folder `src`"),
        (Repository::group_writable(), "folder ``"),
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
    let shop = too_long_by(0, "film.mp4");
    world.push_shop(&shop).await;
    world.assert_built(&shop.0, &shop.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_left_to_codecommit_is_rejected() {
    let role = "arn:aws:iam::{account}:role/pushbuild-reader";
    let role = ("CODECOMMIT_ROLE_ARN", role);
    let reject = ("UNBUNDLABLE", "reject");
    for (variable, account, region, reason) in [
        (reject, ACCOUNT, REGION, "UNBUNDLABLE=reject"),
        (role, "111122223333", REGION, "another account"),
        (role, ACCOUNT, "us-east-1", "another region"),
    ] {
        let world = World::with_env(&[variable]).await;
        let (repository, commit) = too_long_by(1, "film.mp4");
        world.serve("shop", &repository);
        world.push_from(account, region, &commit).await;
        assert!(world.builds().is_empty());
        assert_eq!(world.dead_letters(), 1);
        world.assert_failed("reject", "film.mp4");
        world.assert_failed("reject", reason);
    }
}
