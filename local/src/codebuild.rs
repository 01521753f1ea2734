//! AWS CodeBuild: builds are recorded, not run.
//!
//! What matters to pushbuild is that a push has one build and which parameters it was started
//! with, so every build is kept with its whole request, and idempotency tokens, account limits and
//! refusals behave as documented.
//!
//! - `start`, `environment`: StartBuild and its rules
//! - `build`, `project`: what was started, and what it was started from
//! - `listing`: the actions that look builds and projects up
//! - `input`: a request's members, and what is answered where they are wrong

mod build;
mod environment;
mod input;
mod listing;
mod project;
mod start;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use crate::clock::Clock;
use crate::error::ServiceError;
use input::{not_found, required};
use project::Project;

pub use build::{Build, BuildStatus, EnvironmentVariable};

/// The builds of one account in one region. Clones share them.
#[derive(Clone)]
pub struct CodeBuild(Arc<Inner>);

struct Inner {
    clock: Clock,
    region: String,
    account: String,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    projects: BTreeMap<String, Project>,
    any_project: bool,
    /// In the order in which they were started.
    builds: Vec<Build>,
    tokens: HashMap<String, Token>,
    account_limit: Option<usize>,
    build_time: Duration,
}

/// An idempotency token that was used.
struct Token {
    at: SystemTime,
    /// The request without the token.
    parameters: Value,
    build_id: String,
}

impl CodeBuild {
    /// No projects and no builds; a build takes 30 s of local time.
    pub fn new(clock: Clock, region: &str, account: &str) -> Self {
        Self(Arc::new(Inner {
            clock,
            region: region.to_owned(),
            account: account.to_owned(),
            state: Mutex::new(State {
                projects: BTreeMap::new(),
                any_project: false,
                builds: Vec::new(),
                tokens: HashMap::new(),
                account_limit: None,
                build_time: Duration::from_secs(30),
            }),
            changed: Notify::new(),
        }))
    }

    /// Makes a project of this name, with a source in CodeCommit and no artifacts.
    pub fn add_project(&self, name: &str) {
        let project = Project::minimal(name, &self.0.region, self.0.clock.now());
        self.state()
            .projects
            .entry(name.to_owned())
            .or_insert(project);
    }

    /// Whether a project comes into being when a build of it is started; before, it has no builds.
    /// A name that no project can have stays unknown.
    pub fn accept_any_project(&self, accept: bool) {
        self.state().any_project = accept;
    }

    /// Refuses to start builds while this many are in progress; 0 refuses every one.
    pub fn set_account_limit(&self, limit: Option<usize>) {
        self.state().account_limit = limit;
    }

    /// Refuses to start builds of a project while this many of its own are in progress. Makes the
    /// project if there is none.
    pub fn set_project_limit(&self, name: &str, limit: usize) {
        self.add_project(name);
        if let Some(project) = self.state().projects.get_mut(name) {
            let setting = ("concurrentBuildLimit".to_owned(), json!(limit));
            project.settings.extend([setting]);
        }
    }

    /// How long builds started from now on take, in local time.
    pub fn set_build_time(&self, time: Duration) {
        self.state().build_time = time;
    }

    /// All builds, in the order in which they were started.
    pub fn builds(&self) -> Vec<Build> {
        let now = self.0.clock.now();
        self.state()
            .builds
            .iter()
            .map(|build| build.seen_at(now))
            .collect()
    }

    /// Resolves when a build is started or stopped.
    ///
    /// Changes count from this call on, not from the first poll: call, look, then await. A build
    /// that ends by itself is no change.
    pub fn changed(&self) -> Notified<'_> {
        self.0.changed.notified()
    }

    /// Answers one request (`X-Amz-Target: CodeBuild_20161006.{operation}`, or the operation of a
    /// CBOR request's path).
    ///
    /// # Errors
    /// What the CodeBuild API reference documents for the action.
    #[expect(clippy::unused_async, reason = "all services are called alike")]
    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, ServiceError> {
        match operation {
            "StartBuild" => self.start_build(input),
            "StopBuild" => self.stop_build(&input),
            "BatchGetBuilds" => self.batch_get_builds(&input),
            "ListBuildsForProject" => self.list_builds_for_project(&input),
            "CreateProject" => self.create_project(&input),
            "BatchGetProjects" => self.batch_get_projects(&input),
            "ListProjects" => self.list_projects(&input),
            _ => Err(ServiceError::new(
                "UnknownOperationException",
                format!("The local CodeBuild has no action {operation}."),
            )),
        }
    }

    fn stop_build(&self, input: &Value) -> Result<Value, ServiceError> {
        let now = self.0.clock.now();
        let id = required(input, "id")?;
        let mut state = self.state();
        let build = state.builds.iter_mut().find(|build| build.is(id));
        let build = build.ok_or_else(|| not_found(format!("Build {id} could not be found")))?;
        build.stop(now);
        let answer = json!({"build": build.described(now)});
        drop(state);
        self.0.changed.notify_waiters();
        Ok(answer)
    }

    fn arn(&self, kind: &str, name: &str) -> String {
        format!(
            "arn:aws:codebuild:{}:{}:{kind}/{name}",
            self.0.region, self.0.account
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the builds as they were: each change is made in one piece.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
