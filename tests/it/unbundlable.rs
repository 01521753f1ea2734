//! Commits that no bundle can hold are built straight from CodeCommit, loudly, where that works.

use crate::setup::bundle::assert_exact;
use crate::setup::{Mode, Repository, World};
use pushbuild_local::aws::DeployOptions;
use pushbuild_local::events::RepositoryEvent;

const LIMIT: usize = 6_291_456;

fn reject(options: &mut DeployOptions) {
    options
        .env
        .insert("UNBUNDLABLE".to_owned(), "reject".to_owned());
}

fn repository_with(path: &[u8], content: &[u8]) -> (Repository, String) {
    Repository::of(&[
        (b"README.md", Mode::File, b"x"),
        (path, Mode::File, content),
    ])
}

fn assert_built_from_codecommit(world: &World, commit: &str, reason: &str) {
    let build = world.build();
    assert_eq!(build.source_type, "CODECOMMIT");
    assert_eq!(
        build.source_location.as_deref(),
        Some("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/shop")
    );
    let version = format!("refs/heads/feature/x^{{{commit}}}");
    assert_eq!(build.source_version, Some(version));
    assert_eq!(build.variable("COMMIT_ID"), Some(commit));
    assert_eq!(world.bundles(), Vec::<String>::new());
    let unfinished = world.aws.s3().unfinished_uploads(world.deployment.bucket());
    assert!(unfinished.is_empty(), "{unfinished:?}");
    let warned = world
        .log()
        .lines()
        .any(|line| line.contains("\"WARN\"") && line.contains(reason));
    assert!(warned, "no warning names {reason}: {}", world.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_over_the_apis_limit_is_left_to_codecommit() {
    let world = World::start().await;
    let (repository, commit) = repository_with(b"assets/film.mp4", &vec![7; LIMIT + 1]);
    world.serve("shop", &repository);
    world.push("shop", "feature/x", &commit).await;
    assert_built_from_codecommit(
        &world,
        &commit,
        "assets/film.mp4 is larger than the 6291456 bytes",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_exactly_the_limit_is_bundled() {
    let world = World::start().await;
    let (repository, commit) = repository_with(b"film.mp4", &vec![7; LIMIT]);
    world.serve("shop", &repository);
    world.push("shop", "main", &commit).await;
    assert_exact(&world.bundle_of(&world.build()), repository.path(), &commit);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_not_utf_8_is_left_to_codecommit() {
    let world = World::start().await;
    let (repository, commit) = repository_with(b"src/caf\xe9.txt", b"latin");
    world.serve("shop", &repository);
    world.push("shop", "feature/x", &commit).await;
    assert_built_from_codecommit(&world, &commit, "folder `src`");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mode_of_old_repositories_is_left_to_codecommit() {
    let world = World::start().await;
    let (repository, commit) = Repository::of(&[(b"old", Mode::GroupWritable, b"x")]);
    world.serve("shop", &repository);
    world.push("shop", "feature/x", &commit).await;
    assert_built_from_codecommit(&world, &commit, "folder ``");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_turned_off() {
    let world = World::with(reject).await;
    let (repository, commit) = repository_with(b"film.mp4", &vec![7; LIMIT + 1]);
    world.serve("shop", &repository);
    world.push("shop", "main", &commit).await;
    assert!(world.builds().is_empty());
    assert_eq!(world.deployment.dead_letters().len(), 1);
    let failure = &world.outcomes("failed")[0];
    assert_eq!(failure["class"], "reject");
    let error = failure["error"].as_str().unwrap();
    assert!(
        error.contains("film.mp4") && error.contains("UNBUNDLABLE=reject"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_account_or_region_cannot_be_left_to_codecommit() {
    for (account, region, place) in [
        ("111122223333", "eu-west-1", "another account"),
        ("000000000000", "us-east-1", "another region"),
    ] {
        let world = World::with(|options| {
            options.env.insert(
                "CODECOMMIT_ROLE_ARN".to_owned(),
                "arn:aws:iam::{account}:role/pushbuild-reader".to_owned(),
            );
        })
        .await;
        let (repository, commit) = repository_with(b"film.mp4", &vec![7; LIMIT + 1]);
        world.serve("shop", &repository);
        let event = RepositoryEvent::created("shop", "refs/heads/main", &commit).from(
            account,
            region,
            world.aws.clock().now(),
        );
        world.deployment.send_event(&event).unwrap();
        world.settle().await;
        assert!(world.builds().is_empty());
        let error = world.outcomes("failed")[0]["error"]
            .as_str()
            .unwrap()
            .to_owned();
        assert!(error.contains(place), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lfs_pointers_are_bundled_as_they_are_with_one_warning_that_counts_them() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    let other = b"version https://git-lfs.github.com/spec/v1\noid sha256:5d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 54321\n";
    let world = World::start().await;
    let (repository, commit) = Repository::of(&[
        (b"a.psd", Mode::File, pointer),
        (b"b.psd", Mode::File, other),
        (
            b"README.md",
            Mode::File,
            b"see https://git-lfs.github.com/spec/v1\n",
        ),
    ]);
    world.serve("shop", &repository);
    world.push("shop", "main", &commit).await;
    assert_exact(&world.bundle_of(&world.build()), repository.path(), &commit);
    let log = world.log();
    let warnings: Vec<_> = log
        .lines()
        .filter(|line| line.contains("Git LFS pointers"))
        .collect();
    assert_eq!(warnings.len(), 1, "{log}");
    assert!(warnings[0].contains("\"pointers\":2"), "{warnings:?}");
}
