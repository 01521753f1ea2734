//! A build: with what it was started, and how it stands.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

/// How a build stands, as far as one that is not run can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildStatus {
    /// Started less than the build time ago.
    InProgress,
    /// Its time is over.
    Succeeded,
    /// Stopped before its time was over.
    Stopped,
}

impl BuildStatus {
    /// The API's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Stopped => "STOPPED",
        }
    }
}

/// One environment variable of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentVariable {
    /// Its name.
    pub name: String,
    /// Its value; for the other two types, where the value is.
    pub value: String,
    /// `PLAINTEXT`, `PARAMETER_STORE` or `SECRETS_MANAGER`.
    pub kind: String,
}

/// A build that was started.
#[derive(Clone, Debug, PartialEq)]
pub struct Build {
    /// `{project}:{uuid}`.
    pub id: String,
    /// The build's ARN.
    pub arn: String,
    /// The project's name.
    pub project: String,
    /// Counted per project, from 1.
    pub number: u64,
    /// When it was started.
    pub started: SystemTime,
    /// How it stood when it was asked for.
    pub status: BuildStatus,
    /// Where the source is taken from: `S3`, `CODECOMMIT`, …
    pub source_type: String,
    /// For S3 `bucket/key`, for CodeCommit the repository's URL.
    pub source_location: Option<String>,
    /// For S3 an object's version id, for CodeCommit a commit id or a reference.
    pub source_version: Option<String>,
    /// The project's variables with the overrides applied.
    pub environment: Vec<EnvironmentVariable>,
    /// The whole StartBuild request, idempotency token included.
    pub request: Value,
    pub(super) ends: SystemTime,
    pub(super) source: Value,
    pub(super) artifacts: Value,
    pub(super) machine: Value,
}

impl Build {
    /// The value of an environment variable.
    pub fn variable(&self, name: &str) -> Option<&str> {
        let found = self
            .environment
            .iter()
            .find(|variable| variable.name == name);
        found.map(|variable| variable.value.as_str())
    }

    /// Whether an id or an ARN is this build's.
    pub(super) fn is(&self, id: &str) -> bool {
        self.id == id || self.arn == id
    }

    pub(super) fn status_at(&self, now: SystemTime) -> BuildStatus {
        match self.status {
            BuildStatus::InProgress if now >= self.ends => BuildStatus::Succeeded,
            status => status,
        }
    }

    pub(super) fn seen_at(&self, now: SystemTime) -> Self {
        Self {
            status: self.status_at(now),
            ..self.clone()
        }
    }

    /// Stops a build in progress; one that is over stays as it is.
    pub(super) fn stop(&mut self, now: SystemTime) {
        if self.status_at(now) == BuildStatus::InProgress {
            self.status = BuildStatus::Stopped;
            self.ends = now;
        }
    }

    /// The API's `Build` structure.
    pub(super) fn described(&self, now: SystemTime) -> Value {
        let status = self.status_at(now);
        let complete = status != BuildStatus::InProgress;
        let variables: Vec<Value> = self
            .environment
            .iter()
            .map(|variable| {
                json!({"name": variable.name, "value": variable.value, "type": variable.kind})
            })
            .collect();
        let mut environment = self.machine.clone();
        environment["environmentVariables"] = json!(variables);
        let mut described = json!({
            "id": self.id,
            "arn": self.arn,
            "buildNumber": self.number,
            "startTime": epoch_seconds(self.started),
            "currentPhase": if complete { "COMPLETED" } else { "BUILD" },
            "buildStatus": status.as_str(),
            "buildComplete": complete,
            "projectName": self.project,
            "source": self.source,
            "artifacts": self.artifacts,
            "environment": environment,
            "timeoutInMinutes": 60,
            "queuedTimeoutInMinutes": 480,
            "initiator": "pushbuild-local",
        });
        if let Some(version) = &self.source_version {
            described["sourceVersion"] = json!(version);
        }
        if complete {
            described["endTime"] = json!(epoch_seconds(self.ends));
        }
        described
    }
}

/// Seconds since the Unix epoch with milliseconds as a fraction, as AWS's JSON writes a timestamp.
pub(super) fn epoch_seconds(at: SystemTime) -> f64 {
    let passed = at
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or(Duration::ZERO);
    (passed.as_secs_f64() * 1_000.0).round() / 1_000.0
}
