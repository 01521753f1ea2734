//! One deployment for hundreds of repositories: each push is built once, in its branch's order.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::setup::prelude::*;

/// One Git repository under all names, with so many commits, no two alike.
fn commits(pushes: usize) -> (Repository, Vec<String>) {
    let repository = Repository::empty();
    let mut script = String::new();
    for number in 0..pushes {
        let content = format!("push {number}");
        write!(
            script,
            "commit refs/heads/main\nmark :{}\ncommitter M <m@example.com> 1560335000 +0000\n\
             data 0\nM 100644 inline file\ndata {}\n{content}\n",
            number + 1,
            content.len(),
        )
        .unwrap();
    }
    let import = ["fast-import", "--quiet", "--export-marks=marks"];
    repository.git_with(&import, script.as_bytes());
    let list = repository.git(&["rev-list", "--reverse", "main"]);
    (repository, list.lines().map(str::to_owned).collect())
}

async fn each_is_built_once_in_order(repositories: usize, branches: usize, pushes: usize) {
    let world = World::start().await;
    let (repository, commits) = commits(pushes);
    for number in 0..repositories {
        world.serve(&format!("shop-{number}"), &repository);
    }
    let mut random = StdRng::seed_from_u64(7);
    // The pushes of each branch, in their order: event and commit.
    let mut sent: HashMap<(String, String), Vec<(String, String)>> = HashMap::new();
    let begun = Instant::now();
    for commit in commits {
        let name = format!("shop-{}", random.random_range(0..repositories));
        let branch = format!("branch-{}", random.random_range(0..branches));
        let of_branch = sent.entry((name.clone(), branch.clone())).or_default();
        let old = of_branch.last().map(|(_, old)| old.as_str());
        let event = world.send(&name, &branch, &commit, old);
        of_branch.push((event, commit));
    }
    let idle = world.deployment.idle(Duration::from_hours(1)).await;
    idle.unwrap_or_else(|error| panic!("{error}\n{}", world.log()));
    let took = begun.elapsed().as_secs_f64();

    let mut built: HashMap<(String, String), Vec<(String, String)>> = HashMap::new();
    for build in world.builds() {
        let variable = |name| build.variable(name).unwrap().to_owned();
        let branch = (build.project.clone(), variable("BRANCH_NAME"));
        let push = (variable("PUSH_EVENT_ID"), variable("COMMIT_ID"));
        built.entry(branch).or_default().push(push);
    }
    assert!(built == sent, "{}", world.log());
    assert_eq!(world.dead_letters(), 0);

    assert_eq!(world.outcomes("forwarded").len(), pushes);
    let batches = world.deployment.intake().mapping().outcomes();
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
    each_is_built_once_in_order(20, 4, 200).await;
}

/// `cargo test -p pushbuild --test it ten_thousand -- --ignored --nocapture`
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, for the figures of docs/delivery.md"]
async fn ten_thousand_pushes_of_five_hundred_repositories() {
    each_is_built_once_in_order(500, 20, 10_000).await;
}
