//! StartBuild: what it refuses, and when it answers with a build that it has started before.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use uuid::Uuid;

use super::build::{Build, BuildStatus};
use super::environment::{merged, variables};
use super::input::{invalid, not_found, one_of, optional, required};
use super::project::Project;
use super::{CodeBuild, State, Token};
use crate::error::ServiceError;

/// "The token is included in the StartBuild request and is valid for 5 minutes" (StartBuild).
const TOKEN_IS_VALID: Duration = Duration::from_mins(5);

const SOURCE_TYPES: [&str; 9] = [
    "CODECOMMIT",
    "CODEPIPELINE",
    "GITHUB",
    "GITLAB",
    "GITLAB_SELF_MANAGED",
    "S3",
    "BITBUCKET",
    "GITHUB_ENTERPRISE",
    "NO_SOURCE",
];
const ARTIFACTS_TYPES: [&str; 3] = ["CODEPIPELINE", "S3", "NO_ARTIFACTS"];

impl CodeBuild {
    pub(super) fn start_build(&self, input: Value) -> Result<Value, ServiceError> {
        let now = self.0.clock.now();
        let name = required(&input, "projectName")?.to_owned();
        let overrides = variables(&input["environmentVariablesOverride"])?;
        check_types(&input)?;
        let token = optional(&input, "idempotencyToken")?.map(str::to_owned);
        let mut parameters = input.clone();
        if let Some(members) = parameters.as_object_mut() {
            members.remove("idempotencyToken");
        }

        let mut state = self.state();
        let build_time = state.build_time;
        if state.any_project && Project::can_be_named(&name) {
            let project = Project::minimal(&name, &self.0.region, now);
            state.projects.entry(name.clone()).or_insert(project);
        }
        if !state.projects.contains_key(&name) {
            let arn = self.arn("project", &name);
            return Err(not_found(format!("Project cannot be found: {arn}")));
        }
        if let Some(token) = &token
            && let Some(build) = state.repeated(token, &parameters, now)?
        {
            return Ok(json!({"build": build.described(now)}));
        }
        state.check_limits(&name, now)?;

        let project = state
            .projects
            .get_mut(&name)
            .ok_or_else(|| not_found("Project is gone"))?;
        let source = source(project, &input)?;
        project.builds += 1;
        let id = format!("{name}:{}", Uuid::new_v4());
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let artifacts = &input["artifactsOverride"];
        let of_project = project.setting("artifacts");
        let build = Build {
            arn: self.arn("build", &id),
            id,
            number: project.builds,
            started: now,
            ends: now + build_time,
            status: BuildStatus::InProgress,
            source_type: text(&source["type"]).unwrap_or_default(),
            source_location: text(&source["location"]),
            source_version: text(&input["sourceVersion"])
                .or_else(|| text(&project.setting("sourceVersion")))
                .filter(|version| !version.is_empty()),
            environment: merged(
                &project.setting("environment")["environmentVariables"],
                overrides,
            )?,
            artifacts: described_artifacts(if artifacts.is_null() {
                &of_project
            } else {
                artifacts
            }),
            machine: machine(project, &input),
            source,
            project: name,
            request: input,
        };
        let answer = json!({"build": build.described(now)});
        if let Some(token) = token {
            let build_id = build.id.clone();
            state.tokens.insert(
                token,
                Token {
                    at: now,
                    parameters,
                    build_id,
                },
            );
        }
        state.builds.push(build);
        drop(state);
        self.0.changed.notify_waiters();
        Ok(answer)
    }
}

impl State {
    /// The build that a valid token has started already.
    ///
    /// "If you repeat the StartBuild request with the same token, but change a parameter,
    /// CodeBuild returns a parameter mismatch error" (StartBuild). The class of that error is not
    /// documented; InvalidInputException is the only modelled one that fits.
    fn repeated(
        &mut self,
        token: &str,
        parameters: &Value,
        now: SystemTime,
    ) -> Result<Option<&Build>, ServiceError> {
        self.tokens.retain(|_, used| now < used.at + TOKEN_IS_VALID);
        let Some(used) = self.tokens.get(token) else {
            return Ok(None);
        };
        if used.parameters != *parameters {
            return Err(invalid(format!(
                "Parameter mismatch: the idempotency token {token} was used with other parameters"
            )));
        }
        Ok(self.builds.iter().find(|build| build.id == used.build_id))
    }

    fn check_limits(&self, name: &str, now: SystemTime) -> Result<(), ServiceError> {
        let running = |build: &&Build| build.status_at(now) == BuildStatus::InProgress;
        if let Some(limit) = self.account_limit
            && self.builds.iter().filter(running).count() >= limit
        {
            return Err(ServiceError::new(
                "AccountLimitExceededException",
                format!("Cannot have more than {limit} builds in queue for the account"),
            ));
        }
        // "If the build project has a concurrent build limit set, builds return an error if the
        // number of running builds reaches the concurrent build limit for the project":
        // <https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html>. Which error,
        // AWS documents nowhere: this is the one that says least.
        let limit = self
            .projects
            .get(name)
            .and_then(|project| project.setting("concurrentBuildLimit").as_u64());
        let of_project = self.builds.iter().filter(|build| build.project == name);
        match limit {
            Some(limit) if of_project.filter(running).count() as u64 >= limit => Err(invalid(
                format!("Cannot have more than {limit} concurrent builds for the project {name}"),
            )),
            _ => Ok(()),
        }
    }
}

/// Refuses a value outside its modelled set.
fn check_types(input: &Value) -> Result<(), ServiceError> {
    one_of(input, "sourceTypeOverride", &SOURCE_TYPES)?;
    optional(input, "sourceVersion")?;
    optional(input, "sourceLocationOverride")?;
    let artifacts = &input["artifactsOverride"];
    if !artifacts.is_null() {
        required(artifacts, "type")?;
        one_of(artifacts, "type", &ARTIFACTS_TYPES)?;
        if artifacts["type"] == "S3" && artifacts["location"].is_null() {
            return Err(invalid(
                "Invalid artifacts: location is required for the type S3",
            ));
        }
    }
    let minutes = &input["timeoutInMinutesOverride"];
    if !minutes.is_null()
        && !minutes
            .as_u64()
            .is_some_and(|minutes| (5..=2_160).contains(&minutes))
    {
        return Err(invalid(format!(
            "Invalid timeout in minutes: {minutes} is not within 5 to 2160"
        )));
    }
    Ok(())
}

/// The source that the build takes: the project's, with type and location overridden.
fn source(project: &Project, input: &Value) -> Result<Value, ServiceError> {
    let mut source = project.setting("source");
    for (theirs, ours) in [
        ("sourceTypeOverride", "type"),
        ("sourceLocationOverride", "location"),
        ("buildspecOverride", "buildspec"),
    ] {
        if !input[theirs].is_null() {
            source[ours] = input[theirs].clone();
        }
    }
    let location = source["location"].as_str().unwrap_or_default();
    if location.starts_with("arn:") {
        return Err(invalid(format!(
            "Invalid source location {location}: an S3 source is given as bucket/key, not as an ARN"
        )));
    }
    if source["type"] == "S3" {
        let (bucket, key) = location.split_once('/').unwrap_or_default();
        if bucket.is_empty() || key.is_empty() {
            return Err(invalid(format!(
                "Invalid source location {location}: expected bucket/key"
            )));
        }
        let version = input["sourceVersion"].as_str().unwrap_or_default();
        if key.ends_with('/') && !version.is_empty() {
            return Err(invalid(
                "Source version should be empty for S3 folder source location",
            ));
        }
    }
    Ok(source)
}

/// A build shows where its artifacts went, not how they were configured.
fn described_artifacts(artifacts: &Value) -> Value {
    let location = match (artifacts["location"].as_str(), artifacts["name"].as_str()) {
        (Some(bucket), Some(name)) => format!("arn:aws:s3:::{bucket}/{name}"),
        (Some(bucket), None) => format!("arn:aws:s3:::{bucket}"),
        _ => String::new(),
    };
    json!({"location": location})
}

fn machine(project: &Project, input: &Value) -> Value {
    let mut machine = project.setting("environment");
    for (theirs, ours) in [
        ("environmentTypeOverride", "type"),
        ("imageOverride", "image"),
        ("computeTypeOverride", "computeType"),
        ("privilegedModeOverride", "privilegedMode"),
    ] {
        if !input[theirs].is_null() {
            machine[ours] = input[theirs].clone();
        }
    }
    machine
}
