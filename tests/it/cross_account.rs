//! Repositories of another account or region: read under a role there, built here.

use crate::setup::bundle::assert_exact;
use crate::setup::{Mode, Repository, World};
use pushbuild_local::aws::DeployOptions;
use pushbuild_local::calls::{Call, Service};
use pushbuild_local::events::RepositoryEvent;

const SOURCE: &str = "222233334444";
const ROLE: &str = "arn:aws:iam::222233334444:role/pushbuild-reader";

fn with_reader(options: &mut DeployOptions) {
    for (name, value) in [
        (
            "CODECOMMIT_ROLE_ARN",
            "arn:aws:iam::{account}:role/pushbuild-reader",
        ),
        ("CODECOMMIT_EXTERNAL_ID", "known-to-both"),
    ] {
        options.env.insert(name.to_owned(), value.to_owned());
    }
}

/// A push as the forwarding rule of another account sends it on.
async fn push_from(world: &World, account: &str, region: &str, commit: &str) {
    let event = RepositoryEvent::created("shop", "refs/heads/feature/x", commit);
    let event = event.from(account, region, world.aws.clock().now());
    world.deployment.send_event(&event).unwrap();
    world.settle().await;
}

fn reads(world: &World) -> Vec<Call> {
    let calls = world.aws.calls().list();
    let reads: Vec<_> = calls
        .into_iter()
        .filter(|call| call.service == Service::CodeCommit)
        .collect();
    assert!(!reads.is_empty());
    reads
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_of_another_account_is_read_under_its_role_and_built_here() {
    let world = World::with(with_reader).await;
    let (repository, commit) = Repository::of(&[
        (b"a/b", Mode::File, b"theirs"),
        (b"link", Mode::Link, b"a/b"),
    ]);
    world.serve("shop", &repository);

    push_from(&world, SOURCE, "us-east-1", &commit).await;

    assert_exact(&world.bundle_of(&world.build()), repository.path(), &commit);
    let assumed = world.aws.sts().assumed();
    assert_eq!(assumed.len(), 1, "{assumed:?}");
    assert_eq!(assumed[0].role_arn, ROLE);
    assert_eq!(assumed[0].session_name, "pushbuild");
    assert_eq!(assumed[0].external_id.as_deref(), Some("known-to-both"));
    for call in reads(&world) {
        assert_eq!(call.access_key_id.as_ref(), Some(&assumed[0].access_key_id));
        assert_eq!(call.region.as_deref(), Some("us-east-1"), "{call:?}");
    }
    for call in world.aws.calls().list() {
        if matches!(call.service, Service::S3 | Service::CodeBuild) {
            assert_eq!(call.role, None, "{call:?}");
            assert_eq!(call.region.as_deref(), Some("eu-west-1"), "{call:?}");
        }
    }
    let line = &world.outcomes("built")[0];
    assert_eq!(line["account"], SOURCE);
    assert_eq!(line["region"], "us-east-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_of_a_role_are_kept_for_the_next_push() {
    let world = World::with(with_reader).await;
    let (repository, first) = Repository::of(&[(b"a", Mode::File, b"1")]);
    let second = repository.commit("main", &[(b"a", Mode::File, b"2")]);
    world.serve("shop", &repository);
    for commit in [&first, &second] {
        push_from(&world, SOURCE, "eu-west-1", commit).await;
    }
    assert_eq!(world.builds().len(), 2);
    assert_eq!(world.aws.sts().assumed().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_functions_own_account_is_read_with_its_own_role() {
    let world = World::with(with_reader).await;
    let (repository, commit) = Repository::of(&[(b"a", Mode::File, b"ours")]);
    world.serve("shop", &repository);
    world.push("shop", "main", &commit).await;
    assert_exact(&world.bundle_of(&world.build()), repository.path(), &commit);
    assert!(world.aws.sts().assumed().is_empty());
    assert!(reads(&world).iter().all(|call| call.role.is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_region_of_the_own_account_is_read_under_the_role() {
    let world = World::with(with_reader).await;
    let (repository, commit) = Repository::of(&[(b"a", Mode::File, b"far")]);
    world.serve("shop", &repository);
    push_from(&world, "000000000000", "us-east-1", &commit).await;
    world.build();
    let role = Some("arn:aws:iam::000000000000:role/pushbuild-reader".to_owned());
    assert!(reads(&world).iter().all(|call| call.role == role));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_be_assumed_is_refused_by_aws_and_said_so() {
    let world = World::with(with_reader).await;
    let (repository, commit) = Repository::of(&[(b"a", Mode::File, b"secret")]);
    world.serve("shop", &repository);
    world.aws.sts().deny(ROLE);
    push_from(&world, SOURCE, "eu-west-1", &commit).await;
    assert!(world.builds().is_empty());
    assert_eq!(world.deployment.dead_letters().len(), 1);
    let failure = &world.outcomes("failed")[0];
    assert!(
        failure["error"].as_str().unwrap().contains("AccessDenied"),
        "{failure}"
    );
    assert_eq!(failure["class"], "refused_by_aws");
}
