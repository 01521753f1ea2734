//! Repositories of another account or region: read under a role there, built here.

use crate::setup::prelude::*;
use pushbuild_local::calls::Call;

const SOURCE: &str = "222233334444";
const ROLE: &str = "arn:aws:iam::222233334444:role/pushbuild-reader";

async fn shop_of_another_account() -> (World, Repository, String) {
    let world = World::with_env(&[
        (
            "CODECOMMIT_ROLE_ARN",
            "arn:aws:iam::{account}:role/pushbuild-reader",
        ),
        ("CODECOMMIT_EXTERNAL_ID", "known-to-both"),
    ])
    .await;
    let (repository, commit) = Repository::small();
    world.serve("shop", &repository);
    (world, repository, commit)
}

fn reads(world: &World) -> Vec<Call> {
    let mut calls = world.aws.calls.list();
    calls.retain(|call| call.service == Service::CodeCommit);
    assert!(!calls.is_empty());
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_of_another_account_is_read_under_its_role_and_built_here() {
    let (world, repository, commit) = shop_of_another_account().await;

    world.push_from(SOURCE, "us-east-1", &commit).await;

    world.assert_built(&repository, &commit);
    let assumed = world.aws.sts.assumed();
    assert_eq!(assumed.len(), 1, "{assumed:?}");
    assert_eq!(assumed[0].role_arn, ROLE);
    assert_eq!(assumed[0].session_name, "pushbuild");
    assert_eq!(assumed[0].external_id.as_deref(), Some("known-to-both"));
    for call in reads(&world) {
        assert_eq!(call.role.as_deref(), Some(ROLE));
        assert_eq!(call.region.as_deref(), Some("us-east-1"), "{call:?}");
    }
    for call in world.aws.calls.list() {
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
async fn credentials_of_a_role_are_kept_for_the_next_push_which_its_base_serves() {
    let (world, repository, commit) = shop_of_another_account().await;
    let changed = repository.commit("main", [("changed", FILE, "changed\n")]);
    for commit in [&commit, &changed] {
        world.push_from(SOURCE, "eu-west-1", commit).await;
    }
    assert_eq!(world.built("shop"), [commit, changed]);
    assert_eq!(world.calls(Service::CodeCommit, "GetDifferences"), 1);
    assert_eq!(world.aws.sts.assumed().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_account_is_read_with_the_own_role_and_its_other_regions_under_the_configured_one()
{
    let role = "arn:aws:iam::000000000000:role/pushbuild-reader".to_owned();
    for (region, role) in [("eu-west-1", None), ("us-east-1", Some(role))] {
        let (world, repository, commit) = shop_of_another_account().await;
        world.push_from("000000000000", region, &commit).await;
        world.assert_built(&repository, &commit);
        assert!(reads(&world).iter().all(|call| call.role == role));
        assert_eq!(world.aws.sts.assumed().is_empty(), role.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_be_assumed_is_refused_by_aws_and_said_so() {
    let (world, _repository, commit) = shop_of_another_account().await;
    world.aws.sts.deny(ROLE);
    world.push_from(SOURCE, "eu-west-1", &commit).await;
    assert!(world.builds().is_empty());
    assert_eq!(world.dead_letters(), 1);
    world.assert_failed("refused_by_aws", "AccessDenied");
}
