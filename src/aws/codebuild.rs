//! CodeBuild: starts builds, and finds those that were started before.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_codebuild::Client;
use aws_sdk_codebuild::config::Builder;
use aws_sdk_codebuild::error::BuildError;
use aws_sdk_codebuild::operation::list_builds_for_project::ListBuildsForProjectOutput;
use aws_sdk_codebuild::types::{
    ArtifactsType, EnvironmentVariable, EnvironmentVariableType, ProjectArtifacts,
    ProjectEnvironment, SourceType,
};
use time::OffsetDateTime;

use super::remembered::Remembered;
use super::{failed, retry, without_code};
use crate::config::Artifacts;
use crate::error::{CallError, Cause};

/// The variable by which a build names the push that it was started for.
pub const PUSH_EVENT_ID: &str = "PUSH_EVENT_ID";

/// Pages of 100 builds that are searched for a push's build. The search ends with the first build that
/// is older than the push, so only a push that is redriven days later into a busy project comes near
/// this.
const MOST_PAGES: usize = 100;

/// A build's start and an event's time come from different clocks.
const CLOCK_SKEW: time::Duration = time::Duration::minutes(5);

const LIST: &str = "CodeBuild ListBuildsForProject";
const GET: &str = "CodeBuild BatchGetBuilds";

/// The builds of this account.
pub struct Builds {
    client: Client,
    /// Whether a project exists, by its name.
    projects: Remembered<bool>,
}

/// What a build is started with, besides its project's settings.
///
/// All of it follows from the event and the stored bundle, so that a repeat within the five
/// minutes of the idempotency token is the same request:
/// <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildRequest {
    pub source: Source,
    /// The repository's clone address; or bucket and key with a slash between, never an ARN:
    /// <https://github.com/awslabs/aws-codebuild-jenkins-plugin/issues/133>. The key is not encoded; no
    /// document says how CodeBuild reads `%` or `+` in it. A build that finds no bundle fails.
    pub location: String,
    /// The object's version; or reference and commit, `refs/heads/x^{id}`:
    /// <https://docs.aws.amazon.com/codebuild/latest/userguide/sample-source-version.html>.
    pub version: Option<String>,
    /// Names and values. They replace variables of the project with the same names:
    /// <https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html#build-spec.env.variables>.
    pub variables: Vec<(&'static str, String)>,
    pub token: String,
}

/// Where CodeBuild finds the source: a bundle in S3, or the repository itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Bundle,
    CodeCommit,
}

impl Builds {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        // Thanks to its token, StartBuild is safe to repeat.
        let config = Builder::from(sdk).retry_classifier(retry::Classifier::default());
        Self {
            client: Client::from_conf(config.build()),
            projects: Remembered::new(),
        }
    }

    /// Starts a build and answers its id. Fails with [`Cause::LimitReached`] while the account's queue
    /// of builds is full, or as many builds of the project run as it allows.
    pub async fn start(
        &self,
        project: &str,
        request: &BuildRequest,
        artifacts: Artifacts,
    ) -> Result<String, CallError> {
        const CALL: &str = "CodeBuild StartBuild";
        let invalid = |error: BuildError| without_code(CALL, project, &error.to_string());
        let variables = request.variables.iter().map(|(name, value)| {
            let plain = EnvironmentVariable::builder().r#type(EnvironmentVariableType::Plaintext);
            plain.name(*name).value(value).build()
        });
        let variables: Result<Vec<_>, _> = variables.collect();
        let artifacts = match artifacts {
            Artifacts::Project => Ok(None),
            Artifacts::None => {
                let none = ProjectArtifacts::builder().r#type(ArtifactsType::NoArtifacts);
                none.build().map(Some)
            }
        };
        let answer = self
            .client
            .start_build()
            .project_name(project)
            .source_type_override(match request.source {
                Source::Bundle => SourceType::S3,
                Source::CodeCommit => SourceType::Codecommit,
            })
            .source_location_override(&request.location)
            .set_source_version(request.version.clone())
            .set_artifacts_override(artifacts.map_err(invalid)?)
            .set_environment_variables_override(Some(variables.map_err(invalid)?))
            .idempotency_token(&request.token)
            .send()
            .await
            .map_err(|error| failed(CALL, project, &error, cause))
            .map_err(recognized_by_message)?;
        let build_id = answer.build_value.and_then(|build| build.id);
        build_id.ok_or_else(|| without_code(CALL, project, "the answer names no build"))
    }

    /// Whether a project exists. "Yes" is remembered for a minute, but "no" for two seconds only: pushes
    /// are skipped until then, and the next one may be the first after the project was made. So a
    /// repository without a project costs at most a call every two seconds.
    ///
    /// This lists the project's builds: the function needs that permission anyway, and the answer is a
    /// list of ids. BatchGetProjects would need another one, which shows all settings of a project.
    pub async fn has_project(&self, project: &str) -> Result<bool, CallError> {
        if let Some(exists) = self.projects.get(project) {
            return Ok(exists);
        }
        let exists = match self.builds_page(project, None).await {
            Ok(_) => true,
            Err(error) if error.cause == Cause::DoesNotExist => false,
            Err(error) => return Err(error),
        };
        let time = Duration::from_secs(if exists { 60 } else { 2 });
        self.projects.put(project, exists, time);
        Ok(exists)
    }

    /// Whether a project did not exist when it was last asked for.
    pub fn was_missing(&self, project: &str) -> bool {
        self.projects.last(project) == Some(false)
    }

    async fn builds_page(
        &self,
        project: &str,
        next: Option<String>,
    ) -> Result<ListBuildsForProjectOutput, CallError> {
        self.client
            .list_builds_for_project()
            .project_name(project)
            .set_next_token(next)
            .send()
            .await
            .map_err(|error| failed(LIST, project, &error, cause))
    }

    /// The build that was started for a push before, if there is one. BatchGetBuilds is believed to
    /// answer the variables that a build was started with; the acceptance test checks it.
    ///
    /// The newest builds come first, and one that started before the push cannot be its build. So the
    /// search ends with the first page that reaches back so far. This order is the default; a request
    /// that names it is refused from page 2 on (<https://github.com/aws/aws-cli/issues/5863>).
    pub async fn of_event(
        &self,
        project: &str,
        event_id: &str,
        pushed: OffsetDateTime,
    ) -> Result<Option<String>, CallError> {
        let is_its = |variable: &EnvironmentVariable| {
            variable.name() == PUSH_EVENT_ID && variable.value() == event_id
        };
        let oldest = (pushed - CLOCK_SKEW).unix_timestamp();
        let mut next = None;
        for _ in 0..MOST_PAGES {
            let page = self.builds_page(project, next).await?;
            // Taking a missing list for an empty one could build twice.
            let Some(ids) = page.ids else {
                return Err(without_code(LIST, project, "the answer has no list"));
            };
            if ids.is_empty() {
                return Ok(None);
            }
            let builds = self
                .client
                .batch_get_builds()
                .set_ids(Some(ids))
                .send()
                .await
                .map_err(|error| failed(GET, project, &error, cause))?;
            if builds.builds().is_empty() {
                let why = "the answer holds none of the builds";
                return Err(without_code(GET, project, why));
            }
            let mut reached_back = false;
            for build in builds.builds() {
                let environment = build.environment();
                let variables = environment.map(ProjectEnvironment::environment_variables);
                if variables.unwrap_or_default().iter().any(is_its) {
                    return Ok(build.id().map(str::to_owned));
                }
                reached_back |= build.start_time().is_some_and(|time| time.secs() < oldest);
            }
            next = page.next_token;
            if reached_back || next.is_none() {
                return Ok(None);
            }
        }
        Err(without_code(
            LIST,
            project,
            "the project started so many builds since the push that its own could not be ruled out",
        ))
    }
}

/// <https://docs.aws.amazon.com/codebuild/latest/APIReference/API_StartBuild.html#API_StartBuild_Errors>
fn cause(code: &str) -> Option<Cause> {
    Some(match code {
        "ResourceNotFoundException" => Cause::DoesNotExist,
        "AccountLimitExceededException" => Cause::LimitReached,
        "InvalidInputException" => Cause::Invalid,
        _ => return None,
    })
}

/// Recognizes two refusals of StartBuild by their messages, since AWS documents no exception for them:
///
/// - As many builds of the project run as its own limit allows. Then a build is refused, and not
///   queued: <https://docs.aws.amazon.com/codebuild/latest/userguide/builds-working.html>.
/// - The token was used before with other parameters: this push has a build, and the next delivery
///   finds it. The API reference calls it a parameter mismatch error.
fn recognized_by_message(mut error: CallError) -> CallError {
    let message = error.message.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    if matches!(error.cause, Cause::Invalid | Cause::Unknown) {
        if says(&["concurrent", "builds in queue", "active builds"]) {
            error.cause = Cause::LimitReached;
        } else if says(&["idempoten", "mismatch", "token"]) {
            error.cause = Cause::Unknown;
        }
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_builds_and_a_used_token_are_recognized_by_their_messages() {
        let (invalid, other) = ("InvalidInputException", "OtherException");
        let full = "AccountLimitExceededException";
        let limit = Cause::LimitReached;
        for (code, message, expected) in [
            (invalid, "Cannot have more than 2 concurrent builds", limit),
            (other, "concurrentBuildLimit exceeded", limit),
            (other, "Project-level concurrent build limit of 1", limit),
            (invalid, "Cannot have more than 5 active builds", limit),
            (full, "Cannot have more than 300 builds in queue", limit),
            (invalid, "Parameter mismatch", Cause::Unknown),
            (invalid, "Invalid image", Cause::Invalid),
        ] {
            let error = CallError {
                cause: cause(code).unwrap_or(Cause::Unknown),
                ..without_code("CodeBuild StartBuild", "shop", message)
            };
            assert_eq!(recognized_by_message(error).cause, expected, "{message}");
        }
    }
}
