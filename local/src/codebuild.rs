//! AWS CodeBuild: builds are recorded, not run.
//!
//! What matters to pushbuild is that a push has one build and which parameters it was started
//! with, so every build is kept with its whole request, and idempotency tokens, pages and refusals
//! behave as documented (<https://docs.aws.amazon.com/codebuild/latest/APIReference/>).
//!
//! - `start`: StartBuild
//! - `listing`: ListBuildsForProject and BatchGetBuilds

mod listing;
mod start;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::aws::{ACCOUNT, REGION};
use crate::clock::Clock;
use crate::error::ServiceError;

/// The builds of one account in one Region. Clones share them.
#[derive(Clone)]
pub struct CodeBuild {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Each with its own `concurrentBuildLimit`.
    projects: BTreeMap<String, Option<usize>>,
    any_project: bool,
    /// In the order in which they were started.
    builds: Vec<Build>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Build {
    /// `{project}:{uuid}`.
    pub id: String,
    pub project: String,
    pub started: SystemTime,
    /// Where the source is taken from: `S3` or `CODECOMMIT`.
    pub source_type: String,
    /// For S3 `bucket/key`, for CodeCommit the repository's URL.
    pub source_location: Option<String>,
    /// For S3 an object's version id, for CodeCommit a commit id or a reference.
    pub source_version: Option<String>,
    pub environment: Vec<EnvironmentVariable>,
    /// The whole StartBuild request, idempotency token included.
    pub request: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentVariable {
    pub name: String,
    pub value: String,
    /// `PLAINTEXT`: no other type is served.
    #[serde(rename = "type")]
    pub kind: String,
}

impl CodeBuild {
    /// No projects and no builds.
    pub(crate) fn new(clock: Clock) -> Self {
        let state = State {
            projects: BTreeMap::new(),
            any_project: false,
            builds: Vec::new(),
        };
        Self {
            clock,
            state: Arc::new(Mutex::new(state)),
        }
    }

    pub fn add_project(&self, name: &str) {
        let mut state = self.state.lock();
        state.projects.entry(name.to_owned()).or_default();
    }

    /// Whether a project of any name exists, without builds, unless no project can have the name.
    pub fn accept_any_project(&self, accept: bool) {
        self.state.lock().any_project = accept;
    }

    /// Refuses to start builds of a project while this many of its own are in progress. Makes the
    /// project if there is none.
    pub fn set_project_limit(&self, name: &str, limit: usize) {
        let mut state = self.state.lock();
        state.projects.insert(name.to_owned(), Some(limit));
    }

    pub fn builds(&self) -> Vec<Build> {
        self.state.lock().builds.clone()
    }

    /// Answers one request.
    pub fn call(&self, operation: &str, input: Value) -> Result<Value, ServiceError> {
        match operation {
            "StartBuild" => self.start_build(input),
            "BatchGetBuilds" => self.batch_get_builds(&input),
            "ListBuildsForProject" => self.list_builds_for_project(&input),
            _ => Err(ServiceError::unknown_operation(operation)),
        }
    }
}

impl State {
    fn has_project(&self, name: &str) -> bool {
        self.projects.contains_key(name) || (self.any_project && is_project_name(name))
    }
}

impl Build {
    pub fn variable(&self, name: &str) -> Option<&str> {
        let found = self
            .environment
            .iter()
            .find(|variable| variable.name == name);
        found.map(|variable| variable.value.as_str())
    }
}

fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:codebuild:{REGION}:{ACCOUNT}:{kind}/{name}")
}

/// Whether a project can have this name: `[A-Za-z0-9][A-Za-z0-9\-_]{1,149}` in the service's
/// model. A repository's name may hold a dot, a project's may not.
pub(crate) fn is_project_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (2..=150).contains(&name.len())
        && name.bytes().all(inner)
        && name.as_bytes()[0].is_ascii_alphanumeric()
}

fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidInputException", message)
}

fn not_found(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ResourceNotFoundException", message)
}

/// Reads a request. A member that this CodeBuild does not know is refused.
fn read<T: DeserializeOwned>(input: &Value) -> Result<T, ServiceError> {
    T::deserialize(input).map_err(|error| invalid(error.to_string()))
}
