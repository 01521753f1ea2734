//! What the tests stand on: real Git repositories, a local AWS, and pushbuild deployed on it as a
//! process of its own.

pub mod bundle;
pub mod faults;
pub mod history;
pub mod memory;
pub mod prelude;
pub mod project;
pub mod repository;
pub mod verdict;

use std::fmt::Display;
use std::time::{Duration, Instant, SystemTime};

use pushbuild_local::aws::{DeployOptions, Deployment, LocalAws, Options};
use pushbuild_local::calls::Service;
use pushbuild_local::clock::Clock;
use pushbuild_local::codebuild::Build;
use pushbuild_local::events::RepositoryEvent;
use pushbuild_local::faults::{Rule, RuleId};
use pushbuild_local::lambda::{BatchOutcome, EventSourceMapping, Invocation};
use tempfile::TempDir;

use repository::{FILE, Repository};

/// Real time in which no batch ends, after which a test fails and shows what is left in the queues.
const PATIENCE: Duration = Duration::from_secs(90);

pub struct World {
    pub aws: LocalAws,
    pub deployment: Deployment,
    _root: TempDir,
}

impl World {
    /// pushbuild with any CodeBuild project, a minute for an invocation, and two deliveries. AWS's
    /// clock stands still, except while a test waits for a message to become visible again.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut DeployOptions)) -> Self {
        Self::on(Clock::still(), change).await
    }

    /// As [`Self::with`], on another clock.
    pub async fn on(clock: Clock, change: impl FnOnce(&mut DeployOptions)) -> Self {
        let root = tempfile::tempdir().unwrap();
        let mut options = Options::new(root.path());
        options.clock = clock;
        let aws = LocalAws::start(options).await.unwrap();
        aws.codebuild.accept_any_project(true);
        // A release build, or an earlier version, instead of this one.
        let program = std::env::var("PUSHBUILD_TEST_PROGRAM").ok();
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_pushbuild").to_owned());
        let mut deploy = DeployOptions::new(program);
        deploy.timeout = Duration::from_mins(1);
        deploy.max_receive_count = 2;
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

    /// As [`Self::with`], with environment variables of the function.
    pub async fn with_env(variables: &[(&str, &str)]) -> Self {
        Self::with(|deploy| {
            for (name, value) in variables {
                deploy.env.insert((*name).to_owned(), (*value).to_owned());
            }
        })
        .await
    }

    pub fn serve(&self, name: &str, repository: &Repository) {
        self.aws
            .codecommit
            .add_repository(name, repository.path())
            .unwrap();
    }

    /// Serves a repository as `shop`, pushes its commit to `main`, and waits for what becomes of it.
    pub async fn push_shop(&self, (repository, commit): &(Repository, String)) -> String {
        self.serve("shop", repository);
        self.push("shop", "main", commit).await
    }

    /// Pushes a new branch and waits for what becomes of it; the event's id.
    pub async fn push(&self, repository: &str, branch: &str, commit: &str) -> String {
        let event = self.send(repository, branch, commit, None);
        self.settle().await;
        event
    }

    /// Pushes a branch; the event's id. Without `old` the branch is new.
    pub fn send(&self, repository: &str, branch: &str, commit: &str, old: Option<&str>) -> String {
        self.deployment
            .send_push(repository, branch, commit, old)
            .unwrap()
    }

    /// Pushes a branch's commits one after the other; the events' ids.
    pub fn send_all(&self, repository: &str, branch: &str, commits: &[String]) -> Vec<String> {
        let olds = std::iter::once(None).chain(commits.iter().map(|old| Some(old.as_str())));
        let send = |(commit, old): (&String, _)| self.send(repository, branch, commit, old);
        commits.iter().zip(olds).map(send).collect()
    }

    /// Sends a body past the intake, in a message group; the message's id.
    pub fn send_body(&self, body: &(impl Display + ?Sized), group: &str) -> String {
        let body = body.to_string();
        self.deployment.send_body(&body, group).unwrap()
    }

    /// Pushes `main` of `shop` as the forwarding rule of another account or Region sends it on, and
    /// waits for what becomes of it.
    pub async fn push_from(&self, account: &str, region: &str, commit: &str) {
        let event = RepositoryEvent::created("shop", "refs/heads/main", commit);
        let event = event.from(account, region, self.aws.clock.now());
        self.deployment.send_event(&event).unwrap();
        self.settle().await;
    }

    /// Adds a fault for the calls of the function `publish`.
    pub fn fault(&self, rule: Rule) -> RuleId {
        self.aws.faults.add(rule.by_function())
    }

    pub fn end_fault(&self, rule: RuleId) {
        self.aws.faults.remove(rule);
    }

    /// How often a fault was applied.
    pub fn fired(&self, rule: RuleId) -> u64 {
        self.aws.faults.fired(rule).unwrap().fired
    }

    /// Sends messages so that they come as one batch: they gather while an earlier message of their
    /// group is in flight, since SQS hands out none of a group then.
    pub async fn send_as_one_batch(&self, bodies: &[impl Display]) -> Vec<String> {
        self.fault(faults::latency(500).operation("GetCommit").times(1));
        let (before, commit) = Repository::of([("before", FILE, "x")]);
        self.serve("before", &before);
        let event = RepositoryEvent::created("before", "refs/heads/before", &commit);
        self.send_body(&event.json(), "one");
        let at_work = |world: &Self| world.deployment.publish.batches().0 > 0;
        self.until("the first one at work", at_work).await;
        let ids = bodies.iter().map(|body| self.send_body(body, "one"));
        let ids = ids.collect();
        let ended = |world: &Self| world.deployment.publish.ended() > 0;
        self.until("the end of the first one", ended).await;
        ids
    }

    /// Waits until both queues are empty and no batch is with a function.
    pub async fn settle(&self) {
        let is_idle = |world: &Self| world.deployment.is_idle();
        self.until("empty queues", is_idle).await;
    }

    /// Time on AWS's clock since a moment.
    pub fn passed(&self, since: SystemTime) -> Duration {
        self.aws.clock.now().duration_since(since).unwrap()
    }

    /// Sends the dead letters back where they came from; how many.
    pub fn redrive(&self) -> usize {
        let dead_letters = &self.deployment.dead_letter_url;
        self.aws.sqs.redrive(dead_letters).unwrap()
    }

    /// Waits until something is so. Whenever nothing can happen until a message becomes visible,
    /// AWS's clock is put forward to that moment.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let mut progress = (0, Instant::now());
        loop {
            // Looked up first: what ended before that is seen by `is_so`, before time passes.
            let next = self.deployment.next_visible();
            if is_so(self) {
                return;
            }
            if let Some(next) = next {
                let clock = &self.aws.clock;
                clock.advance(next.duration_since(clock.now()).unwrap_or_default());
            }
            let ended = self.deployment.publish.ended() + self.deployment.intake.ended();
            if ended != progress.0 {
                progress = (ended, Instant::now());
            } else if progress.1.elapsed() > PATIENCE {
                let left = self.deployment.messages();
                panic!("waited in vain for {what}\n{}\n{left:#?}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The batches of the function `publish` so far; panics where an invocation did not end by itself.
    pub fn batches(&self) -> Vec<BatchOutcome> {
        let outcomes = self.deployment.publish.outcomes();
        for outcome in &outcomes {
            let ended = &outcome.invocation;
            assert!(outcome.response.is_some(), "{ended:?}\n{}", self.log());
        }
        outcomes
    }

    /// Batches whose process was killed, of either function.
    pub fn deaths(&self) -> usize {
        let mappings = [&self.deployment.intake, &self.deployment.publish];
        let outcomes = mappings.map(EventSourceMapping::outcomes).concat();
        let died = |outcome: &&BatchOutcome| matches!(outcome.invocation, Invocation::Died { .. });
        outcomes.iter().filter(died).count()
    }

    pub fn dead_letters(&self) -> usize {
        self.deployment.dead_letters().len()
    }

    pub fn builds(&self) -> Vec<Build> {
        self.aws.codebuild.builds()
    }

    /// The only build there is.
    pub fn build(&self) -> Build {
        let mut builds = self.builds();
        assert_eq!(builds.len(), 1, "{builds:#?}\n{}", self.log());
        builds.remove(0)
    }

    /// The builds of one event.
    pub fn builds_of(&self, event: &str) -> Vec<Build> {
        let mut builds = self.builds();
        builds.retain(|build| build.variable("PUSH_EVENT_ID") == Some(event));
        builds
    }

    /// The commits of a project's builds, in order.
    pub fn built(&self, project: &str) -> Vec<String> {
        let mut builds = self.builds();
        builds.retain(|build| build.project == project);
        builds
            .iter()
            .map(|build| build.variable("COMMIT_ID").unwrap().to_owned())
            .collect()
    }

    /// Keys of the bundles in the bucket.
    pub fn bundles(&self) -> Vec<String> {
        let objects = self.aws.s3.objects(&self.deployment.bucket);
        objects.into_iter().map(|object| object.key).collect()
    }

    /// Multipart uploads that were neither completed nor aborted.
    pub fn unfinished_uploads(&self) -> usize {
        let bucket = &self.deployment.bucket;
        self.aws.s3.unfinished_uploads(bucket)
    }

    pub fn calls(&self, service: Service, operation: &str) -> usize {
        self.aws.calls.of(service, operation).len()
    }

    pub fn log(&self) -> String {
        self.deployment.log.text()
    }

    /// The function's log lines with this outcome.
    pub fn outcomes(&self, outcome: &str) -> Vec<serde_json::Value> {
        let mut records = self.deployment.log.records();
        records.retain(|line| line["outcome"] == outcome);
        records
    }

    /// Asserts that every failure in the log is of this class and names this, and that there are some.
    pub fn assert_failed(&self, class: &str, part: &str) {
        let failures = self.outcomes("failed");
        assert!(!failures.is_empty(), "{}", self.log());
        for failure in failures {
            assert_eq!(failure["class"], class, "{failure}");
            let error = failure["error"].as_str().unwrap();
            assert!(error.contains(part), "{error}");
        }
    }
}
