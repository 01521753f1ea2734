//! How fast a first push comes where CodeCommit refuses calls: under a cap, and at random; alone,
//! and beside another function. One run prints the table of docs/performance.md.
//!
//!     cargo bench --bench rate -- table
//!     cargo bench --bench rate -- together
//!     cargo bench --bench rate -- deadline
//!     cargo bench --bench rate -- table --function ANOTHER/bootstrap

#![allow(missing_docs, reason = "a benchmark's functions say what they measure")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

use anyhow::ensure;
use clap::{Parser, ValueEnum};
use pushbuild_local::aws::{ACCOUNT, DeployOptions, Deployment, LocalAws, Options, REGION};
use pushbuild_local::calls::{Call, Service};
use pushbuild_local::clock::Clock;
use pushbuild_local::events::RepositoryEvent;
use pushbuild_local::faults::{Action, Rule, Shape};

/// Files of which the repository's script makes 614 files and folders.
const SMALL: &str = "296";

/// Files of the fetch that takes several invocations of [`SHORT`].
const LARGE: &str = "4800";
const SHORT: Duration = Duration::from_secs(15);

/// How much later each answer comes.
const LATENCY_MS: u64 = 20;

#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench rate --")]
struct Args {
    /// What to measure; nothing by default, since a plain `cargo bench` runs every benchmark.
    what: Option<What>,
    /// The function's program.
    #[arg(long, default_value = env!("CARGO_BIN_EXE_pushbuild"))]
    function: PathBuf,
    /// Set by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// A small repository, however calls are refused.
    Table,
    /// Two functions under one cap.
    Together,
    /// A large one, in invocations of 15 seconds.
    Deadline,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let folder = tempfile::tempdir()?;
    match args.what {
        Some(What::Table) => table(&args.function, &repository(folder.path(), SMALL)?).await,
        Some(What::Together) => {
            let repository = repository(folder.path(), SMALL)?;
            for cap in [60, 150] {
                together(&args.function, &repository, cap).await?;
            }
            Ok(())
        }
        Some(What::Deadline) => deadline(&args.function, &repository(folder.path(), LARGE)?).await,
        None => Ok(()),
    }
}

/// A repository of so many files.
fn repository(folder: &Path, files: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join("repository");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/repository.sh");
    let built = Command::new(script).arg(&path).arg(files).status()?;
    ensure!(built.success(), "no repository to push");
    Ok(path)
}

async fn table(function: &Path, repository: &Path) -> anyhow::Result<()> {
    println!("| CodeCommit answers | calls through a second | refused | seconds |");
    println!("| --- | ---: | ---: | ---: |");
    for cap in [20, 60, 150] {
        let what = format!("{cap} a second");
        alone(function, repository, &what, Some(rate_cap(cap))).await?;
    }
    for (share, tenths) in [("one call", 0.1), ("three calls", 0.3)] {
        let shape = Shape::Xml;
        let rule = Rule::new(Action::Throttle { shape }).chance(tenths, 1);
        let what = format!("{share} in ten refused at random");
        alone(function, repository, &what, Some(rule)).await?;
    }
    alone(function, repository, "all", None).await
}

fn rate_cap(per_second: u32) -> Rule {
    Rule::new(Action::RateCap {
        per_second: f64::from(per_second),
        shape: Shape::Xml,
    })
}

/// A local AWS with a repository whose calls this rule refuses.
struct World {
    aws: LocalAws,
    commit: String,
    path: PathBuf,
    _root: tempfile::TempDir,
}

impl World {
    async fn new(path: &Path, refuses: Option<Rule>, clock: Clock) -> anyhow::Result<Self> {
        let root = tempfile::tempdir()?;
        let mut options = Options::new(root.path().join("s3"));
        options.clock = clock;
        let aws = LocalAws::start(options).await?;
        aws.codebuild.accept_any_project(true);
        let latency = Action::Latency {
            ms: LATENCY_MS,
            jitter_ms: 0,
        };
        aws.faults.add(Rule::new(latency));
        if let Some(rule) = refuses {
            aws.faults.add(rule.on(Service::CodeCommit));
        }
        let head = Command::new("git")
            .args(["rev-parse", "HEAD"])
            .current_dir(path)
            .output()?;
        Ok(Self {
            aws,
            commit: String::from_utf8(head.stdout)?.trim().to_owned(),
            path: path.to_owned(),
            _root: root,
        })
    }

    /// A function of its own, and a first push for it.
    fn push(
        &self,
        function: &Path,
        name: &str,
        change: impl FnOnce(&mut DeployOptions),
    ) -> anyhow::Result<Deployment> {
        let mut deploy = DeployOptions::new(function);
        name.clone_into(&mut deploy.name);
        deploy.bucket = format!("{name}-bundles");
        deploy.timeout = Duration::from_mins(15);
        change(&mut deploy);
        let deployment = self.aws.deploy(deploy)?;
        self.aws.codecommit.add_repository(name, &self.path)?;
        let event = RepositoryEvent::created(name, "refs/heads/main", &self.commit);
        let event = event.from(ACCOUNT, REGION, self.aws.clock.now());
        // Past the intake, which an earlier version does not have.
        deployment.send_body(&event.json().to_string(), name)?;
        Ok(deployment)
    }

    /// Calls to CodeCommit for this repository.
    fn calls(&self, name: &str) -> Vec<Call> {
        let mut calls = self.aws.calls.list();
        let about = format!("{name}:");
        calls.retain(|call| call.service == Service::CodeCommit && call.detail.starts_with(&about));
        calls
    }

    fn ensure_built(&self, builds: usize, deployment: &Deployment) -> anyhow::Result<()> {
        let log = deployment.log.text();
        ensure!(self.aws.codebuild.builds().len() == builds, "{log}");
        Ok(())
    }
}

async fn alone(
    function: &Path,
    repository: &Path,
    what: &str,
    refuses: Option<Rule>,
) -> anyhow::Result<()> {
    let world = World::new(repository, refuses, Clock::default()).await?;
    let begun = Instant::now();
    let deployment = world.push(function, "one", |_| {})?;
    deployment.idle(Duration::from_mins(10)).await?;
    let seconds = begun.elapsed().as_secs_f64();
    world.ensure_built(1, &deployment)?;
    let calls = world.calls("one");
    let through = calls.iter().filter(|call| call.succeeded()).count();
    println!(
        "| {what} | {:.1} | {:.0} % | {seconds:.1} |",
        count(through) / seconds,
        100.0 * (1.0 - count(through) / count(calls.len()))
    );
    Ok(())
}

/// Two functions under one cap, for as long as both have something to fetch.
async fn together(function: &Path, repository: &Path, cap: u32) -> anyhow::Result<()> {
    let world = World::new(repository, Some(rate_cap(cap)), Clock::default()).await?;
    let begun = SystemTime::now();
    let one = world.push(function, "one", |_| {})?;
    let other = world.push(function, "other", |_| {})?;
    let patience = Duration::from_mins(10);
    tokio::try_join!(one.idle(patience), other.idle(patience))?;
    world.ensure_built(2, &one)?;
    let calls = ["one", "other"].map(|name| world.calls(name));
    let last = |calls: &[Call]| calls.iter().map(|call| call.start).max();
    let ends = calls.each_ref().map(|calls| last(calls));
    let end = ends.into_iter().min().flatten().unwrap_or(begun);
    let seconds = end.duration_since(begun)?.as_secs_f64();
    let [one, other] = calls.map(|calls| {
        let both = calls
            .iter()
            .filter(|call| call.start <= end && call.succeeded());
        count(both.count()) / seconds
    });
    println!("{cap} a second, two functions: {one:.1} and {other:.1} in {seconds:.1} s");
    Ok(())
}

async fn deadline(function: &Path, repository: &Path) -> anyhow::Result<()> {
    // Only what waits in the queue is faster.
    let world = World::new(repository, Some(rate_cap(150)), Clock::faster(100)).await?;
    let begun = Instant::now();
    let deployment = world.push(function, "one", |deploy| {
        deploy.timeout = SHORT;
        deploy.max_receive_count = 20;
        deploy.visibility_timeout = Some(Duration::from_hours(3));
    })?;
    deployment.idle(Duration::from_mins(10)).await?;
    world.ensure_built(1, &deployment)?;
    let log = deployment.log.text();
    let ms = log.lines().filter_map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).ok()?;
        line["ms"]
            .as_f64()
            .or_else(|| line["fields"]["ms"].as_f64())
    });
    let used: Vec<_> = ms.map(|ms| format!("{:.1}", ms / 1000.0)).collect();
    println!(
        "{LARGE} files, 150 calls a second, invocations of {} s: {} invocations in {:.0} s, \
         seconds used {}",
        SHORT.as_secs(),
        deployment.publish.outcomes().len(),
        begun.elapsed().as_secs_f64(),
        used.join(", ")
    );
    Ok(())
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
