//! A soak: many pushes of many branches through faults of every kind and a function that is killed
//! again and again, and then the count of what went wrong. The same seed makes the same
//! repositories, pushes and faults; their order in time is the machine's.
//!
//! `PUSHBUILD_SOAK` says how many pushes, `PUSHBUILD_SOAK_SEED` which:
//! `PUSHBUILD_SOAK=1000 cargo test --test it soak -- --nocapture`.

use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use pushbuild_local::calls::Call;
use pushbuild_local::clock::Clock;
use pushbuild_local::faults::{Faults, RuleId, Shape, WrongJson};

use crate::setup::history::History;
use crate::setup::prelude::*;
use crate::setup::verdict::Verdict;

/// Local seconds for each real one.
const SPEED: u32 = 60;

/// Real time for one invocation. The queue's visibility timeout is a little more, so that a batch
/// whose process was killed comes back soon, and one that is still worked on does not.
const TIMEOUT: Duration = Duration::from_secs(10);
const VISIBILITY: Duration = Duration::from_secs(13 * SPEED as u64);

/// Pushes for each kill.
const PUSHES_PER_KILL: usize = 40;

/// Deliveries before the dead-letter queue: none of these pushes deserves to end there.
const MAX_RECEIVE_COUNT: u32 = 1_000;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_out_of_order_or_inexact() {
    let number = |variable| {
        let text = std::env::var(variable).ok()?;
        Some(text.parse::<usize>().expect(variable))
    };
    let pushes = number("PUSHBUILD_SOAK").unwrap_or(80);
    let seed = number("PUSHBUILD_SOAK_SEED").unwrap_or(1) as u64;
    println!("{pushes} pushes with seed {seed}, through faults and kills");
    let mut random = StdRng::seed_from_u64(seed);
    let branches: Vec<_> = (0..pushes).map(|_| random.random_range(0..40)).collect();
    let mut history = History::make("soak", 3, 12, &branches);
    let world = World::on(Clock::faster(SPEED), |deploy| {
        deploy.timeout = TIMEOUT;
        deploy.visibility_timeout = Some(VISIBILITY);
        deploy.max_receive_count = MAX_RECEIVE_COUNT;
        deploy.intake_max_receive_count = MAX_RECEIVE_COUNT;
    })
    .await;
    let faults = &world.aws.faults;
    add_faults(faults, seed);
    let kills = add_kills(faults, pushes, &mut random);

    let begun = Instant::now();
    history.send(&world);
    world.settle().await;
    let took = begun.elapsed().as_secs_f64();

    let calls = world.aws.calls.list();
    let went_wrong = calls.iter().filter(|call| went_wrong(call)).count();
    let fired = kills.iter().filter_map(|rule| faults.fired(*rule));
    let killed: u64 = fired.map(|firings| firings.fired).sum();
    let verdict = Verdict::of(&history, &world);
    #[expect(clippy::cast_precision_loss, reason = "a rate needs three digits")]
    let rate = pushes as f64 / took;
    println!(
        "pushes {pushes} in {took:.0} s ({rate:.1}/s), batches {}, calls {}, \
         faults {went_wrong}, kills {killed}\n{verdict:?}",
        world.deployment.publish.outcomes().len(),
        calls.len(),
    );
    assert_eq!(verdict, Verdict::default());
    assert_eq!(killed, kills.len() as u64);
    assert!(went_wrong > pushes / 2, "only {went_wrong} faults");
}

/// Whether more happened to a call than that its answer came late.
fn went_wrong(call: &Call) -> bool {
    let on_time = |fault: &String| !fault.starts_with("Latency");
    call.faults.iter().any(on_time)
}

/// A bit of everything, all the time.
fn add_faults(faults: &Faults, seed: u64) {
    let late = Action::Latency {
        ms: 1,
        jitter_ms: 5,
    };
    let stall = Action::Stall {
        after_bytes: 20,
        ms: 300,
    };
    let throttle = |shape| Rule::new(Action::Throttle { shape });
    let garbage = Rule::new(Action::WrongJson(WrongJson::Garbage));
    let rules = [
        (1.0, Rule::new(late)),
        (0.03, throttle(Shape::Xml).on(Service::CodeCommit)),
        (0.02, throttle(Shape::SlowDown).on(Service::S3)),
        (0.01, throttle(Shape::Json).on(Service::CodeBuild)),
        (0.02, server_error(503)),
        (0.01, Rule::new(Action::ResetBefore)),
        (0.01, Rule::new(Action::ResetAfter)),
        (0.005, Rule::new(Action::Truncate)),
        (0.003, Rule::new(stall)),
        (0.005, garbage.on(Service::CodeCommit)),
        (0.01, Rule::new(Action::FlipBit).on(Service::CodeCommit)),
        (0.01, full_build_queue()),
    ];
    for (number, (chance, rule)) in rules.into_iter().enumerate() {
        faults.add(
            rule.by_either_function()
                .chance(chance, seed + number as u64),
        );
    }
}

/// Kills of both functions, spread over the run, before and after calls in turn.
fn add_kills(faults: &Faults, pushes: usize, random: &mut StdRng) -> Vec<RuleId> {
    /// A push needs more calls than this.
    const CALLS_PER_PUSH: u64 = 5;
    let stretch = PUSHES_PER_KILL as u64 * CALLS_PER_PUSH;
    let publish = (0..(pushes / PUSHES_PER_KILL).max(1) as u64).map(|number| {
        let at = number * stretch + random.random_range(1..=stretch);
        [Rule::kill_before, Rule::kill_after][usize::from(number % 2 == 1)](at)
    });
    // The intake forwards up to ten pushes with each call.
    let intake = [Action::KillBefore, Action::KillAfter]
        .into_iter()
        .zip([2, 5]);
    let intake = intake.map(|(kill, call)| Rule::new(kill).by_intake().nth(call).times(1));
    publish.chain(intake).map(|kill| faults.add(kill)).collect()
}
