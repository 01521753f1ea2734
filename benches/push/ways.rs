//! One repository, and a function that bundles it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use pushbuild_local::aws::{DeployOptions, Deployment, LocalAws, Options};
use pushbuild_local::calls::Service;
use pushbuild_local::faults::{Action, Rule};

use crate::{floor, shell};

/// The bundles' bucket.
pub const BUCKET: &str = "bench";

/// A function, with a local AWS of its own that serves the repository.
pub struct Bench {
    aws: LocalAws,
    deployment: Deployment,
    path: PathBuf,
    served: usize,
    /// The folder of the function's process under `/proc`, where there is such a thing.
    process: Option<PathBuf>,
    _root: tempfile::TempDir,
}

/// A way, gone once.
#[derive(Clone, Debug, Default)]
pub struct Run {
    pub wall: Duration,
    /// Processor time of the function, and of the local AWS.
    pub function: Duration,
    pub local: Duration,
    pub peak: u64,
    pub bundle: u64,
    pub calls: BTreeMap<String, u64>,
}

impl Bench {
    /// Serves the repository and starts the function, so that no run waits for it.
    pub async fn of(
        path: &Path,
        function: &Path,
        latency: Duration,
        head: &str,
    ) -> anyhow::Result<Self> {
        let root = tempfile::tempdir()?;
        let aws = LocalAws::start(Options::new(root.path().join("s3"))).await?;
        aws.codebuild.accept_any_project(true);
        let mut deploy = DeployOptions::new(function);
        BUCKET.clone_into(&mut deploy.bucket);
        deploy.timeout = Duration::from_mins(15);
        let deployment = aws.deploy(deploy)?;
        let ms = u64::try_from(latency.as_millis())?;
        aws.faults
            .add(Rule::new(Action::Latency { ms, jitter_ms: 0 }));
        let mut bench = Self {
            aws,
            deployment,
            path: path.to_owned(),
            served: 0,
            process: None,
            _root: root,
        };
        let empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        // The first push starts the process; which tree it has does not matter.
        let name = bench.serve()?;
        bench.push(&name, head, Some(empty)).await?;
        bench.process = bench.function_process();
        Ok(bench)
    }

    /// The repository once more, under a name that has no bundles.
    pub fn serve(&mut self) -> anyhow::Result<String> {
        self.served += 1;
        let name = format!("bench-{}", self.served);
        self.aws.codecommit.add_repository(&name, &self.path)?;
        Ok(name)
    }

    /// One push, until its build is started.
    pub async fn push(&self, name: &str, commit: &str, old: Option<&str>) -> anyhow::Result<Run> {
        self.aws.calls.clear();
        // Linux counts the peak anew: `man 5 proc_pid_clear_refs`.
        if let Some(process) = &self.process {
            let _ = std::fs::write(process.join("clear_refs"), "5");
        }
        let builds = self.aws.codebuild.builds().len();
        let (function, local) = self.processor_times();
        let begun = Instant::now();
        self.deployment.send_push(name, "main", commit, old)?;
        self.deployment.idle(Duration::from_mins(20)).await?;
        let wall = begun.elapsed();
        let (function_after, local_after) = self.processor_times();
        let built = self.aws.codebuild.builds().len() > builds;
        let log = &self.deployment.log;
        ensure!(built, "no build:\n{}", log.text());
        let key = format!("{name}/main/{commit}.zip");
        Ok(Run {
            wall,
            function: function_after.saturating_sub(function),
            local: local_after.saturating_sub(local),
            peak: self.process.as_deref().and_then(peak_of).unwrap_or(0),
            bundle: std::fs::metadata(self.aws.s3.path(BUCKET, &key))?.len(),
            calls: self.calls(),
        })
    }

    /// A client that knows nothing but the SDK, in place of the function.
    pub async fn floor(&self, name: &str, commit: &str) -> anyhow::Result<Run> {
        let of = (
            self.aws.endpoint.clone(),
            name.to_owned(),
            commit.to_owned(),
        );
        tokio::task::spawn_blocking(move || floor::of(&of.0, &of.1, &of.2)).await?
    }

    /// The way of the original, with its upload.
    pub async fn clone_and_zip(&self) -> anyhow::Result<Run> {
        self.aws.calls.clear();
        let begun = Instant::now();
        let path = self.path.clone();
        let cloning = tokio::task::spawn_blocking(move || shell::clone_and_zip(&path));
        let zip = cloning.await??;
        let zip = zip.path().join("bundle.zip");
        let upload = tokio::process::Command::new("curl")
            .args(["--silent", "--fail", "--upload-file"])
            .arg(&zip)
            .args(["--user", "any:key", "--aws-sigv4", "aws:amz:eu-west-1:s3"])
            .args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
            .arg(format!("{}/{BUCKET}/original.zip", self.aws.endpoint))
            .status()
            .await
            .context("the benchmark needs curl")?;
        ensure!(upload.success(), "the upload failed: {upload}");
        Ok(Run {
            wall: begun.elapsed(),
            bundle: std::fs::metadata(zip)?.len(),
            calls: self.calls(),
            ..Run::default()
        })
    }

    /// How often each operation was called, but for the queue's.
    fn calls(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for call in self.aws.calls.list() {
            if call.service != Service::Sqs {
                *counts.entry(call.operation).or_default() += 1;
            }
        }
        counts
    }

    /// What the function and this process, which is the local AWS, have used so far.
    fn processor_times(&self) -> (Duration, Duration) {
        let function = self.process.as_deref().map(processor_time);
        let this = Path::new("/proc/self");
        (function.unwrap_or_default(), processor_time(this))
    }

    fn function_process(&self) -> Option<PathBuf> {
        let ours = format!("AWS_ENDPOINT_URL={}", self.aws.endpoint);
        let wanted = [ours.as_bytes(), b"_HANDLER=publish"];
        let processes = std::fs::read_dir("/proc").ok()?.flatten();
        processes.map(|process| process.path()).find(|process| {
            let environment = std::fs::read(process.join("environ")).unwrap_or_default();
            let variables: Vec<_> = environment.split(|byte| *byte == 0).collect();
            wanted.iter().all(|variable| variables.contains(variable))
        })
    }
}

/// The peak of a process's memory, in bytes.
fn peak_of(process: &Path) -> Option<u64> {
    let status = std::fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// What a process's threads have used, but for those that have ended: the first figure of
/// <https://docs.kernel.org/scheduler/sched-stats.html>.
pub fn processor_time(process: &Path) -> Duration {
    let threads = std::fs::read_dir(process.join("task"))
        .into_iter()
        .flatten();
    let used = threads.flatten().filter_map(|thread| {
        let figures = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        figures.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(used.sum())
}
