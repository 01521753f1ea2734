//! What the tests stand on: real Git repositories, a local AWS, and pushbuild deployed on it as a
//! process of its own.

pub mod bundle;
pub mod repository;

use std::time::{Duration, Instant};

use pushbuild_local::aws::{DeployOptions, Deployment, LocalAws, Options};
use pushbuild_local::calls::Service;
use pushbuild_local::clock::Clock;
use pushbuild_local::codebuild::Build;
use pushbuild_local::lambda::Invocation;
use tempfile::TempDir;

pub use repository::{Mode, Repository};

/// Real time that a test waits for a queue to drain before it says what is left in it.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct World {
    pub aws: LocalAws,
    pub deployment: Deployment,
    _root: TempDir,
}

impl World {
    /// pushbuild with the template's defaults, any CodeBuild project, AWS's time a hundred times
    /// as fast as real time.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut DeployOptions)) -> Self {
        Self::at_speed(100, change).await
    }

    /// As [`Self::with`], with AWS's time `speed` times as fast as real time.
    pub async fn at_speed(speed: u32, change: impl FnOnce(&mut DeployOptions)) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut options = Options::new(root.path());
        options.clock = Clock::faster(speed);
        let aws = LocalAws::start(options).await.unwrap();
        aws.codebuild().accept_any_project(true);
        let mut deploy = DeployOptions::new(env!("CARGO_BIN_EXE_pushbuild"));
        deploy.timeout = Duration::from_mins(1);
        deploy
            .env
            .insert("AWS_LAMBDA_LOG_FORMAT".to_owned(), "JSON".to_owned());
        change(&mut deploy);
        let deployment = aws.deploy(deploy).unwrap();
        Self {
            aws,
            deployment,
            _root: root,
        }
    }

    pub fn serve(&self, name: &str, repository: &Repository) {
        self.aws
            .codecommit()
            .add_repository(name, repository.path())
            .unwrap();
    }

    /// Pushes a new branch and waits for what comes of it; the event's id.
    pub async fn push(&self, repository: &str, branch: &str, commit: &str) -> String {
        let event = self
            .deployment
            .send_push(repository, branch, commit, None)
            .unwrap();
        self.settle().await;
        event
    }

    /// Waits until the queue is empty.
    pub async fn settle(&self) {
        if let Err(error) = self.deployment.idle(PATIENCE).await {
            panic!("{error}\n{}", self.log());
        }
    }

    /// Waits until something has come about.
    pub async fn until(&self, what: &str, come: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !come(self) {
            assert!(
                begun.elapsed() < PATIENCE,
                "in vain: {what}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Batches whose process was killed.
    pub fn deaths(&self) -> usize {
        let outcomes = self.deployment.mapping().outcomes();
        outcomes
            .iter()
            .filter(|outcome| matches!(outcome.invocation, Invocation::Died { .. }))
            .count()
    }

    /// The builds of one event.
    pub fn builds_of(&self, event: &str) -> Vec<Build> {
        let mut builds = self.builds();
        builds.retain(|build| build.variable("PUSH_EVENT_ID") == Some(event));
        builds
    }

    /// Asserts that an event has one build, and that its bundle is exactly the commit.
    pub fn assert_built_once(&self, event: &str, repository: &Repository, commit: &str) {
        let builds = self.builds_of(event);
        assert_eq!(builds.len(), 1, "builds of {event}\n{}", self.log());
        let build = &builds[0];
        assert_eq!(build.variable("COMMIT_ID"), Some(commit));
        bundle::assert_exact(&self.bundle_of(build), repository.path(), commit);
    }

    pub fn builds(&self) -> Vec<Build> {
        self.aws.codebuild().builds()
    }

    /// The only build there is.
    pub fn build(&self) -> Build {
        let mut builds = self.builds();
        assert_eq!(builds.len(), 1, "{builds:#?}\n{}", self.log());
        builds.remove(0)
    }

    /// The bytes of the bundle that a build was started with.
    pub fn bundle_of(&self, build: &Build) -> Vec<u8> {
        let location = build.source_location.as_deref().unwrap();
        let (bucket, key) = location.split_once('/').unwrap();
        let newest = self.aws.s3().versions(bucket);
        let newest = newest.iter().find(|version| version.key == key).unwrap();
        assert_eq!(
            Some(&newest.version_id),
            build.source_version.as_ref(),
            "the build was started with an older version of {key}"
        );
        std::fs::read(self.aws.s3().path(bucket, key)).unwrap()
    }

    /// Keys of the bundles in the bucket.
    pub fn bundles(&self) -> Vec<String> {
        self.aws
            .s3()
            .objects(self.deployment.bucket())
            .into_iter()
            .map(|object| object.key)
            .collect()
    }

    pub fn calls(&self, service: Service, operation: &str) -> usize {
        self.aws.calls().of(service, operation).len()
    }

    pub fn log(&self) -> String {
        self.deployment.function_log().text()
    }

    /// The function's log lines with this outcome.
    pub fn outcomes(&self, outcome: &str) -> Vec<serde_json::Value> {
        self.deployment
            .function_log()
            .lines()
            .iter()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(&line.text).ok())
            .filter(|line| line["outcome"] == outcome)
            .collect()
    }
}
