//! A steady cap on CodeCommit's calls, far below the wanted rate: the fetch slows down to it.

use std::time::Instant;

use crate::setup::prelude::*;
use pushbuild_local::faults::Shape;

/// Fetches a commit of so many files under a cap of so many calls a second, in one delivery and
/// with few refusals.
async fn slows_down_to_a_cap(files: usize, per_second: f64) {
    let world = World::with(|deploy| deploy.timeout = Duration::from_mins(10)).await;
    let shop = Repository::of_noise(files, 20, |n| format!("src/{:02}/{n}", n / 100));
    let cap = Action::RateCap {
        per_second,
        shape: Shape::Xml,
    };
    let rule = world.fault(Rule::new(cap).on(Service::CodeCommit));
    let begun = Instant::now();
    let event = world.push_shop(&shop).await;
    let took = begun.elapsed().as_secs_f64();
    world.assert_built_once(&event, &shop.0, &shop.1);
    let calls = world.aws.faults.fired(rule).unwrap();
    println!("{files} files at {per_second} calls/s: {calls:?} in {took:.1} s");
    assert_eq!(world.deployment.publish.outcomes().len(), 1);
    assert!(calls.fired * 3 < calls.seen, "{calls:?} were throttled");
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_steady_cap_a_fetch_slows_down_to_it_and_succeeds() {
    slows_down_to_a_cap(1_000, 150.0).await;
}

/// `cargo test -p pushbuild --test it rate -- --ignored --nocapture`; `FILES` sets another number.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes"]
async fn five_thousand_calls_at_fifty_a_second() {
    let files = std::env::var("FILES").map_or(5_000, |n| n.parse().unwrap());
    slows_down_to_a_cap(files, 50.0).await;
}
