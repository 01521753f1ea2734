//! A soak: many pushes of many branches through faults of every kind and a function that is killed
//! again and again, and then the count of what went wrong. The same seed makes the same
//! repositories, pushes and faults; what meets what is the machine's.
//!
//! - [`history`]: the repositories, and the pushes in their order
//! - [`verdict`]: what became of each push

mod history;
mod verdict;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

pub use verdict::Verdict;

use crate::aws::{DeployOptions, LocalAws, Options};
use crate::calls::{Call, Service};
use crate::clock::Clock;
use crate::faults::{Action, Faults, Rule, Shape, WrongJson};
use history::History;

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

/// The fault that falls upon every call.
const LATENCY: &str = "latency";

/// Real time that nothing may take longer than.
const PATIENCE: Duration = Duration::from_hours(1);

/// What is sent through what.
#[derive(Clone, Debug)]
pub struct Soak {
    /// The function's executable and its arguments.
    pub program: PathBuf,
    /// See `program`.
    pub args: Vec<String>,
    /// How many pushes.
    pub pushes: usize,
    /// Makes repositories, pushes and faults the same.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The counts.
    pub verdict: Verdict,
    /// Real time from the first message to the last.
    pub took: Duration,
    /// Calls that reached the local AWS.
    pub calls: usize,
    /// Calls that a fault fell upon.
    pub faults: usize,
    /// Processes killed in the middle of a batch.
    pub kills: u64,
    /// Deliveries of batches.
    pub batches: usize,
}

impl Soak {
    /// Runs it to the end.
    ///
    /// # Errors
    /// When it cannot be set up, or does not end.
    pub async fn run(&self) -> anyhow::Result<Outcome> {
        let mut random = StdRng::seed_from_u64(self.seed);
        let history = History::make(self.pushes, &mut random)?;
        let root = tempfile::tempdir()?;
        let mut options = Options::new(root.path());
        options.clock = Clock::faster(SPEED);
        let aws = LocalAws::start(options).await?;
        aws.codebuild().accept_any_project(true);
        for repository in &history.repositories {
            aws.codecommit()
                .add_repository(&repository.name, repository.path())?;
        }
        let mut deploy = DeployOptions::new(&self.program);
        deploy.args.clone_from(&self.args);
        deploy.timeout = TIMEOUT;
        deploy.visibility_timeout = Some(VISIBILITY);
        deploy.max_receive_count = MAX_RECEIVE_COUNT;
        let deployment = aws.deploy(deploy)?;
        add_faults(aws.faults(), self.seed);
        let kills = add_kills(aws.faults(), self.pushes, &mut random);

        let begun = Instant::now();
        let mut events = Vec::with_capacity(history.pushes.len());
        for push in &history.pushes {
            let event = push.event(&history, aws.clock().now());
            deployment.send_body(&event.json().to_string(), &push.group)?;
            events.push(event.id);
        }
        deployment
            .idle(PATIENCE)
            .await
            .context("the queue does not empty")?;
        let took = begun.elapsed();

        let calls = aws.calls().list();
        let killed = kills
            .iter()
            .filter_map(|rule| aws.faults().fired(*rule))
            .map(|firings| firings.fired)
            .sum();
        let outcome = Outcome {
            verdict: Verdict {
                dead_letters: deployment.dead_letters().len(),
                ..Verdict::of(&history, &events, &aws, deployment.bucket())?
            },
            took,
            calls: calls.len(),
            faults: calls.iter().filter(|call| went_wrong(call)).count(),
            kills: killed,
            batches: deployment.mapping().outcomes().len(),
        };
        deployment.stop().await;
        Ok(outcome)
    }
}

impl Outcome {
    /// The figures, for a person.
    pub fn describe(&self) -> String {
        let Verdict {
            pushes,
            lost,
            doubled,
            out_of_order,
            inexact,
            dead_letters,
        } = &self.verdict;
        let seconds = self.took.as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate needs three digits")]
        let rate = *pushes as f64 / seconds;
        format!(
            "pushes {pushes} in {seconds:.0} s ({rate:.1}/s), batches {}, calls {}, \
             faults {}, kills {}\n\
             lost {lost}, doubled {doubled}, out of order {out_of_order}, inexact {inexact}, \
             dead letters {dead_letters}\n",
            self.batches, self.calls, self.faults, self.kills
        )
    }
}

/// Whether more happened to a call than that its answer came late.
fn went_wrong(call: &Call) -> bool {
    call.faults.iter().any(|fault| fault != LATENCY)
}

/// A bit of everything, all the time.
fn add_faults(faults: &Faults, seed: u64) {
    let busy = Action::Exception {
        code: "AccountLimitExceededException".to_owned(),
        status: 400,
        message: "Cannot have more builds in queue for the account".to_owned(),
    };
    let latency = Action::Latency {
        ms: 1,
        jitter_ms: 5,
    };
    let stall = Action::Stall {
        after_bytes: 20,
        ms: 300,
    };
    let rules = [
        (1.0, Rule::new(latency).named(LATENCY)),
        (
            0.03,
            Rule::new(Action::Throttle { shape: Shape::Xml }).on(Service::CodeCommit),
        ),
        (
            0.02,
            Rule::new(Action::Throttle {
                shape: Shape::SlowDown,
            })
            .on(Service::S3),
        ),
        (
            0.01,
            Rule::new(Action::Throttle { shape: Shape::Json }).on(Service::CodeBuild),
        ),
        (0.02, Rule::new(Action::ServerError { status: 503 })),
        (0.01, Rule::new(Action::ResetBefore)),
        (0.01, Rule::new(Action::ResetAfter)),
        (0.005, Rule::new(Action::Truncate { after_bytes: None })),
        (0.003, Rule::new(stall)),
        (
            0.005,
            Rule::new(Action::WrongJson(WrongJson::Garbage)).on(Service::CodeCommit),
        ),
        (0.01, Rule::new(Action::FlipBit).on(Service::CodeCommit)),
        (0.01, Rule::new(busy).operation("StartBuild")),
    ];
    for (number, (chance, rule)) in rules.into_iter().enumerate() {
        faults.add(rule.by_function().chance(chance, seed + number as u64));
    }
}

/// Kills, spread over the run, before and after calls in turn.
fn add_kills(faults: &Faults, pushes: usize, random: &mut StdRng) -> Vec<crate::faults::RuleId> {
    /// A push needs more calls than this.
    const CALLS_PER_PUSH: u64 = 5;
    let stretch = PUSHES_PER_KILL as u64 * CALLS_PER_PUSH;
    (0..(pushes / PUSHES_PER_KILL).max(1) as u64)
        .map(|number| {
            let at = number * stretch + random.random_range(1..=stretch);
            let kill = [Rule::kill_before, Rule::kill_after][usize::from(number % 2 == 1)];
            faults.add(kill(at))
        })
        .collect()
}
