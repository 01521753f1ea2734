//! StartBuild: what it refuses, and when it answers with a build that it has started before.

use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::listing::described;
use super::{Build, CodeBuild, EnvironmentVariable, State, arn, invalid, not_found, read};
use crate::error::ServiceError;

/// "The token is included in the StartBuild request and is valid for 5 minutes" (StartBuild).
const TOKEN_IS_VALID: Duration = Duration::from_mins(5);

/// How long a build is in progress, in local time.
const BUILD_TIME: Duration = Duration::from_secs(30);

/// A request. The local projects have no source of their own: each build must bring one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StartBuild {
    project_name: String,
    source_type_override: String,
    source_location_override: String,
    source_version: Option<String>,
    artifacts_override: Option<Value>,
    #[serde(default)]
    environment_variables_override: Vec<EnvironmentVariable>,
    idempotency_token: Option<String>,
}

impl CodeBuild {
    pub(super) fn start_build(&self, request: Value) -> Result<Value, ServiceError> {
        let now = self.clock.now();
        let input: StartBuild = read(&request)?;
        input.check()?;
        let name = input.project_name;
        let mut state = self.state.lock();
        if !state.has_project(&name) {
            let arn = arn("project", &name);
            return Err(not_found(format!("Project cannot be found: {arn}")));
        }
        if let Some(token) = &input.idempotency_token
            && let Some(build) = state.started_with(token, now)
        {
            // "If you repeat the StartBuild request with the same token, but change a parameter,
            // CodeBuild returns a parameter mismatch error" (StartBuild). The class of that error
            // is not documented; InvalidInputException is the only modelled one that fits.
            if build.request != request {
                return Err(invalid(format!(
                    "Parameter mismatch: the idempotency token {token} was used with other parameters"
                )));
            }
            return Ok(json!({"build": described(build)}));
        }
        state.check_limit(&name, now)?;
        let build = Build {
            id: format!("{name}:{}", Uuid::new_v4()),
            started: now,
            source_type: input.source_type_override,
            source_location: Some(input.source_location_override),
            source_version: input.source_version.filter(|version| !version.is_empty()),
            environment: input.environment_variables_override,
            project: name,
            request,
        };
        let answer = json!({"build": described(&build)});
        state.builds.push(build);
        Ok(answer)
    }
}

impl StartBuild {
    fn check(&self) -> Result<(), ServiceError> {
        for EnvironmentVariable { name, kind, .. } in &self.environment_variables_override {
            if kind != "PLAINTEXT" {
                return Err(ServiceError::not_served(format!(
                    "a variable of type {kind}"
                )));
            }
            // "Do not set any environment variable with a name that begins with CODEBUILD_. This
            // prefix is reserved for internal use" (Environment variables in build environments).
            if name.starts_with("CODEBUILD_") {
                return Err(invalid(format!(
                    "Invalid environment variable {name}: names that begin with CODEBUILD_ are reserved"
                )));
            }
        }
        let is_served = |artifacts: &Value| *artifacts == json!({"type": "NO_ARTIFACTS"});
        if !self.artifacts_override.as_ref().is_none_or(is_served) {
            return Err(ServiceError::not_served("artifacts of a build"));
        }
        let location = &self.source_location_override;
        let (bucket, key) = location.split_once('/').unwrap_or_default();
        match self.source_type_override.as_str() {
            // An ARN is refused: https://github.com/awslabs/aws-codebuild-jenkins-plugin/issues/133
            "S3" if bucket.is_empty() || key.is_empty() || location.starts_with("arn:") => {
                Err(invalid(format!(
                    "Invalid source location {location}: expected bucket/key"
                )))
            }
            // "For source code in an CodeCommit repository, the HTTPS clone URL" (ProjectSource).
            "CODECOMMIT" if !location.starts_with("https://git-codecommit.") => Err(invalid(
                format!("Invalid source location {location}: expected the HTTPS clone URL"),
            )),
            "S3" | "CODECOMMIT" => Ok(()),
            other => Err(ServiceError::not_served(format!("the source type {other}"))),
        }
    }
}

impl State {
    /// The build that was started with a token which is still valid.
    fn started_with(&self, token: &str, now: SystemTime) -> Option<&Build> {
        self.builds.iter().rev().find(|build| {
            build.request["idempotencyToken"] == token && now < build.started + TOKEN_IS_VALID
        })
    }

    /// "If the build project has a concurrent build limit set, builds return an error if the
    /// number of running builds reaches the concurrent build limit for the project":
    /// <https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html>. AWS
    /// does not document which error: this one says least.
    fn check_limit(&self, name: &str, now: SystemTime) -> Result<(), ServiceError> {
        let is_running = |build: &&Build| build.project == name && now < build.started + BUILD_TIME;
        let running = self.builds.iter().filter(is_running).count();
        match self.projects.get(name) {
            Some(Some(limit)) if running >= *limit => Err(invalid(format!(
                "Cannot have more than {limit} concurrent builds for the project {name}"
            ))),
            _ => Ok(()),
        }
    }
}
