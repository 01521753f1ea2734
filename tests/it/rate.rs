//! A steady cap on CodeCommit's calls, far below the wanted rate: the fetch slows down to it.

use crate::setup::prelude::*;
use pushbuild_local::faults::Shape;

#[tokio::test(flavor = "multi_thread")]
async fn under_a_steady_cap_a_fetch_slows_down_to_it_and_succeeds() {
    let world = World::with(|deploy| deploy.timeout = Duration::from_mins(10)).await;
    let shop = Repository::of_noise(1_000, 20, |n| format!("src/{:02}/{n}", n / 100));
    let cap = Action::RateCap {
        per_second: 150.0,
        shape: Shape::Xml,
    };
    let rule = world.fault(Rule::new(cap).on(Service::CodeCommit));
    let event = world.push_shop(&shop).await;
    world.assert_built_once(&event, &shop.0, &shop.1);
    assert_eq!(world.deployment.publish.outcomes().len(), 1);
    let calls = world.aws.faults.fired(rule).unwrap();
    assert!(calls.fired * 3 < calls.seen, "{calls:?} were throttled");
}
