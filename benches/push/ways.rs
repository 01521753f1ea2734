//! One repository, and the ways of pushbuild.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use pushbuild_local::aws::{DeployOptions, Deployment, LocalAws, Options};
use pushbuild_local::calls::Service;
use pushbuild_local::faults::{Action, Rule};

use crate::ONE_BY_ONE;
use crate::table::Row;
use crate::{floor, shell};

/// The bundles' bucket.
const BUCKET: &str = "bench";

/// What is measured, and how.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How much later each answer of AWS comes.
    pub latency: Duration,
    /// How often each way is gone; the median counts. The way that calls one after the other is
    /// gone once: it takes minutes.
    pub runs: usize,
    /// How many of the last pushes are made with a base.
    pub pushes: usize,
    /// Whether the way that calls one after the other is left out.
    pub skip_slow: bool,
}

/// One repository, served by a local AWS of its own.
pub struct Bench {
    settings: Settings,
    aws: LocalAws,
    deployment: Deployment,
    path: PathBuf,
    /// First parents, the newest first.
    commits: Vec<String>,
    served: usize,
    _root: tempfile::TempDir,
}

/// A way, gone once.
pub struct Run {
    pub wall: Duration,
    pub peak: Option<u64>,
    pub bundle: u64,
    pub calls: BTreeMap<String, u64>,
    pub read: u64,
    pub written: u64,
}

impl Bench {
    /// Serves the repository and starts the function, so that no run waits for it.
    ///
    /// # Errors
    ///
    /// A path that is no Git repository, or a local AWS that cannot start.
    pub async fn of(path: &Path, settings: Settings) -> anyhow::Result<Self> {
        let root = tempfile::tempdir()?;
        let aws = LocalAws::start(Options::new(root.path().join("s3"))).await?;
        aws.codebuild().accept_any_project(true);
        let mut deploy = DeployOptions::new(env!("CARGO_BIN_EXE_pushbuild"));
        BUCKET.clone_into(&mut deploy.bucket);
        deploy.timeout = Duration::from_mins(15);
        let deployment = aws.deploy(deploy)?;
        let ms = u64::try_from(settings.latency.as_millis())?;
        aws.faults()
            .add(Rule::new(Action::Latency { ms, jitter_ms: 0 }));
        let listed = shell::git(path, &["rev-list", "--first-parent", "-n", "50", "HEAD"])?;
        let commits = String::from_utf8(listed)?
            .lines()
            .map(str::to_owned)
            .collect();
        let mut bench = Self {
            settings,
            aws,
            deployment,
            path: path.to_owned(),
            commits,
            served: 0,
            _root: root,
        };
        let empty = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
        ensure!(!bench.commits.is_empty(), "HEAD has no commit");
        // The first push starts the process; which tree it has does not matter.
        let name = bench.serve()?;
        bench
            .push(&name, &bench.commits[0].clone(), Some(empty))
            .await?;
        Ok(bench)
    }

    /// Goes every way.
    ///
    /// # Errors
    ///
    /// A way that does not end in a bundle.
    pub async fn rows(&mut self) -> anyhow::Result<Vec<Row>> {
        let head = self.commits[0].clone();
        let runs = self.settings.runs;
        let floor = floor::of(&self.path, &head, self.settings.latency)?;
        let mut rows = Vec::new();

        let mut original = Vec::new();
        for _ in 0..runs {
            original.push(self.original().await?);
        }
        rows.push(Row::of("1 clone, zip, upload", &original, None));

        if !self.settings.skip_slow {
            let name = self.serve()?;
            let one = [self.one_by_one(&name, &head).await?];
            rows.push(Row::of(
                "2 one call after the other",
                &one,
                Some(floor.time()),
            ));
        }

        let mut without = Vec::new();
        for _ in 0..runs {
            let name = self.serve()?;
            without.push(self.push(&name, &head, None).await?);
        }
        rows.push(Row::of(
            "3 pushbuild, no base",
            &without,
            Some(floor.time()),
        ));

        let pushes = self.settings.pushes.min(self.commits.len() - 1);
        let name = self.serve()?;
        self.push(&name, &self.commits[pushes].clone(), None)
            .await?;
        for number in (0..pushes).rev() {
            let (commit, old) = (
                self.commits[number].clone(),
                self.commits[number + 1].clone(),
            );
            let run = self.push(&name, &commit, Some(&old)).await?;
            let title = format!("4 pushbuild, base, {}", &commit[..8]);
            rows.push(Row::of(&title, &[run], Some(floor.time())));
        }

        let mut archive = Vec::new();
        for _ in 0..runs {
            archive.push(shell::archive(&self.path, &head)?);
        }
        rows.push(Row::of("5 git archive", &archive, None));
        rows.push(floor.row());
        Ok(rows)
    }

    /// The repository once more, under a name that has no bundles.
    fn serve(&mut self) -> anyhow::Result<String> {
        self.served += 1;
        let name = format!("bench-{}", self.served);
        self.aws.codecommit().add_repository(&name, &self.path)?;
        Ok(name)
    }

    async fn push(&self, name: &str, commit: &str, old: Option<&str>) -> anyhow::Result<Run> {
        self.aws.calls().clear();
        // Linux counts the peak anew: `man 5 proc_pid_clear_refs`.
        let process = self.function_process();
        if let Some(process) = &process {
            let _ = std::fs::write(process.join("clear_refs"), "5");
        }
        let builds = self.aws.codebuild().builds().len();
        let begun = Instant::now();
        self.deployment.send_push(name, "main", commit, old)?;
        self.deployment.idle(Duration::from_mins(20)).await?;
        let wall = begun.elapsed();
        let built = self.aws.codebuild().builds().len() > builds;
        ensure!(
            built,
            "no build:\n{}",
            self.deployment.function_log().text()
        );
        let peak = process.and_then(|process| peak_of(&process));
        let key = format!("{name}/main/{commit}.zip");
        let bundle = std::fs::metadata(self.aws.s3().path(BUCKET, &key))?.len();
        Ok(self.run(wall, peak, bundle))
    }

    async fn original(&self) -> anyhow::Result<Run> {
        self.aws.calls().clear();
        let begun = Instant::now();
        let path = self.path.clone();
        let (folder, bundle) =
            tokio::task::spawn_blocking(move || shell::clone_and_zip(&path)).await??;
        let url = format!("{}/{BUCKET}/original.zip", self.aws.endpoint());
        let zip = folder.path().join("bundle.zip");
        let upload = tokio::process::Command::new("curl")
            .args(["--silent", "--fail", "--upload-file"])
            .arg(&zip)
            .args(["--user", "any:key", "--aws-sigv4", "aws:amz:eu-west-1:s3"])
            .args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
            .arg(&url)
            .status()
            .await
            .context("the benchmark needs curl")?;
        ensure!(upload.success(), "the upload failed: {upload}");
        Ok(self.run(begun.elapsed(), None, bundle))
    }

    /// In a process of its own, since the SDK reads its endpoint from the environment.
    async fn one_by_one(&self, name: &str, commit: &str) -> anyhow::Result<Run> {
        self.aws.calls().clear();
        let begun = Instant::now();
        let status = tokio::process::Command::new(std::env::current_exe()?)
            .env(ONE_BY_ONE, format!("{BUCKET} {name} {commit}"))
            .envs(self.aws.environment())
            .status()
            .await?;
        ensure!(
            status.success(),
            "one call after the other failed: {status}"
        );
        let wall = begun.elapsed();
        let path = self
            .aws
            .s3()
            .path(BUCKET, &format!("{name}/one-by-one.zip"));
        Ok(self.run(wall, None, std::fs::metadata(path)?.len()))
    }

    fn run(&self, wall: Duration, peak: Option<u64>, bundle: u64) -> Run {
        let mut run = Run {
            wall,
            peak,
            bundle,
            calls: BTreeMap::new(),
            read: 0,
            written: 0,
        };
        for ((service, operation), total) in self.aws.calls().totals() {
            if service != Service::Sqs {
                run.calls.insert(operation, total.calls);
                run.read += total.response_bytes;
                run.written += total.request_bytes;
            }
        }
        run
    }

    /// The folder of the function `publish` under `/proc`, where there is such a thing.
    fn function_process(&self) -> Option<PathBuf> {
        let ours = format!("AWS_ENDPOINT_URL={}", self.aws.endpoint());
        std::fs::read_dir("/proc")
            .ok()?
            .flatten()
            .find_map(|process| {
                let environment = std::fs::read(process.path().join("environ")).ok()?;
                let variables: Vec<_> = environment.split(|byte| *byte == 0).collect();
                let wanted = [ours.as_bytes(), b"_HANDLER=publish"];
                let is_ours = wanted.iter().all(|variable| variables.contains(variable));
                is_ours.then(|| process.path())
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

/// A program that has to succeed.
pub fn run(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command
        .output()
        .with_context(|| format!("the benchmark needs {}", command.get_program().display()))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}
