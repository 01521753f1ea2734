//! StartBuild: what it refuses, and when it answers with a build that it has started before.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use uuid::Uuid;

use super::listing::described;
use super::{Build, CodeBuild, EnvironmentVariable, State, arn, invalid, not_found, required};
use crate::error::ServiceError;

/// "The token is included in the StartBuild request and is valid for 5 minutes" (StartBuild).
const TOKEN_IS_VALID: Duration = Duration::from_mins(5);

impl CodeBuild {
    pub(super) fn start_build(&self, input: Value) -> Result<Value, ServiceError> {
        let now = self.0.clock.now();
        let name = required(&input, "projectName")?.to_owned();
        let environment = variables(&input)?;
        check_source(&input)?;
        let mut state = self.0.state.lock();
        if !state.has_project(&name) {
            let arn = arn("project", &name);
            return Err(not_found(format!("Project cannot be found: {arn}")));
        }
        if let Some(build) = state.repeated(&input, now)? {
            return Ok(json!({"build": described(build)}));
        }
        state.check_limit(&name, now)?;
        let others = state.builds.iter().filter(|build| build.project == name);
        let text = |member: &str| input[member].as_str().map(str::to_owned);
        let build = Build {
            id: format!("{name}:{}", Uuid::new_v4()),
            number: others.count() + 1,
            started: now,
            source_type: text("sourceTypeOverride").unwrap_or_default(),
            source_location: text("sourceLocationOverride"),
            source_version: text("sourceVersion").filter(|version| !version.is_empty()),
            environment,
            project: name,
            request: input,
        };
        let answer = json!({"build": described(&build)});
        state.builds.push(build);
        Ok(answer)
    }
}

impl State {
    /// The build that a request with the same valid token has started already.
    ///
    /// "If you repeat the StartBuild request with the same token, but change a parameter,
    /// CodeBuild returns a parameter mismatch error" (StartBuild). The class of that error is not
    /// documented; InvalidInputException is the only modelled one that fits.
    fn repeated(&self, input: &Value, now: SystemTime) -> Result<Option<&Build>, ServiceError> {
        let token = &input["idempotencyToken"];
        let used = self.builds.iter().rev().find(|build| {
            build.request["idempotencyToken"] == *token && now < build.started + TOKEN_IS_VALID
        });
        match used.filter(|_| !token.is_null()) {
            Some(build) if build.request != *input => Err(invalid(format!(
                "Parameter mismatch: the idempotency token {token} was used with other parameters"
            ))),
            used => Ok(used),
        }
    }

    /// "If the build project has a concurrent build limit set, builds return an error if the
    /// number of running builds reaches the concurrent build limit for the project":
    /// <https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html>. Which error,
    /// AWS documents nowhere: this is the one that says least.
    fn check_limit(&self, name: &str, now: SystemTime) -> Result<(), ServiceError> {
        let running = self
            .builds
            .iter()
            .filter(|build| build.project == name && now < build.started + self.build_time)
            .count();
        match self.projects.get(name) {
            Some(Some(limit)) if running >= *limit => Err(invalid(format!(
                "Cannot have more than {limit} concurrent builds for the project {name}"
            ))),
            _ => Ok(()),
        }
    }
}

fn variables(input: &Value) -> Result<Vec<EnvironmentVariable>, ServiceError> {
    let items = input["environmentVariablesOverride"].as_array();
    let variable = |item: &Value| {
        let name = required(item, "name")?;
        let value = item["value"]
            .as_str()
            .ok_or_else(|| invalid(format!("The environment variable {name} has no value")))?;
        if !matches!(item["type"].as_str(), None | Some("PLAINTEXT")) {
            return Err(invalid(
                "the local CodeBuild has variables in plain text only",
            ));
        }
        // "Do not set any environment variable with a name that begins with CODEBUILD_. This
        // prefix is reserved for internal use" (Environment variables in build environments).
        if name.starts_with("CODEBUILD_") {
            return Err(invalid(format!(
                "Invalid environment variable {name}: names that begin with CODEBUILD_ are reserved"
            )));
        }
        Ok(EnvironmentVariable {
            name: name.to_owned(),
            value: value.to_owned(),
            kind: "PLAINTEXT".to_owned(),
        })
    };
    items.into_iter().flatten().map(variable).collect()
}

/// The local projects have no source of their own: each build must bring one.
fn check_source(input: &Value) -> Result<(), ServiceError> {
    let location = required(input, "sourceLocationOverride")?;
    match required(input, "sourceTypeOverride")? {
        "S3" => {
            // An ARN is refused: https://github.com/awslabs/aws-codebuild-jenkins-plugin/issues/133
            let parts = location.split_once('/').unwrap_or_default();
            if parts.0.is_empty() || parts.1.is_empty() || location.starts_with("arn:") {
                return Err(invalid(format!(
                    "Invalid source location {location}: expected bucket/key"
                )));
            }
            Ok(())
        }
        "CODECOMMIT" => Ok(()),
        other => Err(invalid(format!(
            "the local CodeBuild has no source type {other}"
        ))),
    }
}
