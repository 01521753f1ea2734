//! One deployment for hundreds of repositories: each push is built once, in its branch's order.

use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::setup::history::History;
use crate::setup::prelude::*;

async fn each_is_built_once_in_order(repositories: usize, branches: usize, pushes: usize) {
    let world = World::start().await;
    let mut random = StdRng::seed_from_u64(7);
    let branches = 0..repositories * branches;
    let branches: Vec<_> = (0..pushes)
        .map(|_| random.random_range(branches.clone()))
        .collect();
    let mut history = History::make("shop", repositories, 1, &branches);
    let begun = Instant::now();
    history.send(&world);
    let idle = world.deployment.idle(Duration::from_hours(1)).await;
    idle.unwrap_or_else(|error| panic!("{error}\n{}", world.log()));
    let took = begun.elapsed().as_secs_f64();
    history.assert_kept(&world);

    assert_eq!(world.outcomes("forwarded").len(), pushes);
    let batches = world.deployment.intake.outcomes();
    let in_intake: f64 = batches.iter().map(|batch| batch.took.as_secs_f64()).sum();
    #[expect(clippy::cast_precision_loss, reason = "a rate needs three digits")]
    let [pushes, batches] = [pushes, batches.len()].map(|number| number as f64);
    println!(
        "{pushes} pushes of {repositories} repositories in {took:.1} s: {:.1} a second; the intake \
         took {:.2} ms a push, in batches of {:.1}",
        pushes / took,
        1_000.0 * in_intake / pushes,
        pushes / batches,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_of_many_repositories_in_random_order_are_built_once_and_in_their_branches_order() {
    each_is_built_once_in_order(10, 4, 100).await;
}

/// `cargo test -p pushbuild --test it ten_thousand -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, for the figures of docs/limits.md"]
async fn ten_thousand_pushes_of_five_hundred_repositories() {
    each_is_built_once_in_order(500, 20, 10_000).await;
}
