//! A steady cap on CodeCommit's calls, far below the wanted rate: the fetch slows down to it.

use std::time::Instant;

use crate::setup::prelude::*;
use pushbuild_local::faults::Shape;

struct Capped {
    calls: usize,
    throttled: usize,
    took: Duration,
    deliveries: usize,
}

/// Fetches a commit of so many files under a cap of so many calls a second.
async fn fetch(files: usize, per_second: f64, shape: Shape) -> Capped {
    let world = World::with(|deploy| deploy.timeout = Duration::from_mins(10)).await;
    let files: Vec<_> = (0..files)
        .map(|n| (format!("src/{:02}/{n}", n / 100), format!("content {n}")))
        .collect();
    let files: Vec<_> = files
        .iter()
        .map(|(path, content)| (path.as_bytes(), Mode::File, content.as_bytes()))
        .collect();
    let shop = Repository::of(&files);
    let cap = Action::RateCap {
        per_second,
        burst: None,
        shape,
    };
    let rule = world.fault(Rule::new(cap).on(Service::CodeCommit));
    let begun = Instant::now();
    let event = world.push_shop(&shop).await;
    let took = begun.elapsed();
    world.assert_built_once(&event, &shop.0, &shop.1);
    let firings = world.aws.faults().fired(rule).unwrap();
    let capped = Capped {
        calls: usize::try_from(firings.seen).unwrap(),
        throttled: usize::try_from(firings.fired).unwrap(),
        took,
        deliveries: world.deployment.mapping().outcomes().len(),
    };
    println!(
        "{} files at {per_second} calls/s: {} calls, {} of them throttled, in {:.1} s, {} deliveries",
        files.len(),
        capped.calls,
        capped.throttled,
        capped.took.as_secs_f64(),
        capped.deliveries
    );
    capped
}

#[tokio::test(flavor = "multi_thread")]
async fn under_a_steady_cap_a_fetch_slows_down_to_it_and_succeeds() {
    let capped = fetch(1_000, 150.0, Shape::Xml).await;
    assert_eq!(capped.deliveries, 1);
    assert!(
        capped.throttled * 3 < capped.calls,
        "{} of {} calls were throttled",
        capped.throttled,
        capped.calls
    );
}

/// `cargo test -p pushbuild --test it rate -- --ignored --nocapture`; `FILES` sets another number.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, for the figures of docs/delivery.md"]
async fn five_thousand_calls_at_fifty_a_second() {
    let files = std::env::var("FILES").map_or(5_000, |n| n.parse().unwrap());
    let capped = fetch(files, 50.0, Shape::Xml).await;
    assert_eq!(capped.deliveries, 1);
}
