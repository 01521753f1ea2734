//! The environment, read once into one typed value.

mod values;

use std::fmt;

use crate::selection::{Selected, Selection};

/// What a deployment decides for the handler `publish`. Endpoints, credentials and the function's own
/// region are the SDK's to read.
#[derive(Clone, Debug)]
pub struct Config {
    /// `CODE_BUCKET`: the bucket of the bundles.
    pub code_bucket: String,
    /// `BUCKET_OWNER`: the account that it must belong to; the function's own where none is set.
    pub bucket_owner: Option<String>,
    /// `CODEBUILD_PROJECT`: the project to start; `{repository}` is replaced.
    pub codebuild_project: String,
    /// Which pushes are built.
    pub selection: Selection,
    /// `CODECOMMIT_ROLE_ARN`: the role that reads repositories of other accounts and regions;
    /// `{account}` is the event's account.
    pub codecommit_role_arn: Option<String>,
    /// `CODECOMMIT_EXTERNAL_ID`: what that role asks for.
    pub codecommit_external_id: Option<String>,
    /// `UNBUNDLABLE`: what becomes of a commit that no bundle can hold.
    pub unbundlable: UnbundlablePolicy,
    /// `ARTIFACTS`: what a build keeps.
    pub artifacts: Artifacts,
}

/// What a deployment decides for the handler `intake`.
#[derive(Clone, Debug)]
pub(crate) struct IntakeConfig {
    pub selection: Selection,
    /// `PUSH_QUEUE_URL`: where they are forwarded to.
    pub push_queue_url: String,
}

/// A role that reads repositories where the function's own role cannot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reader {
    /// Its ARN.
    pub role_arn: String,
    /// What its trust policy asks for, if it does.
    pub external_id: Option<String>,
}

/// What becomes of a commit that cannot be bundled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnbundlablePolicy {
    /// CodeBuild clones it from CodeCommit.
    CodeCommit,
    /// The push goes to the dead-letter queue.
    Reject,
}

/// What a build keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artifacts {
    /// Nothing, whatever its project says.
    None,
    /// What its project says.
    Project,
}

/// A project's name that CodeBuild cannot have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "repository {repository} is built by the project `{project}`, which CodeBuild cannot have: a \
     project's name has 2 to 255 letters, digits, hyphens and underscores, the first a letter or digit"
)]
pub struct BadProjectName {
    /// The repository's name.
    pub repository: String,
    /// What its project would be called.
    pub project: String,
}

/// A variable that is missing, or that says something it cannot.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    variable: &'static str,
    /// `None` where the variable is not set at all.
    value: Option<String>,
    accepted: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            None => write!(out, "the environment variable {} is not set", self.variable)?,
            Some(value) => write!(out, "{}={value:?} cannot be used", self.variable)?,
        }
        write!(out, ": {}", self.accepted)
    }
}

impl std::error::Error for ConfigError {}

/// Every variable that `Config` reads, with its default; `None` where it must be set.
/// `template.yaml` and the README repeat this table, and a test holds them against it.
pub const VARIABLES: [(&str, Option<&str>); 10] = [
    (CODE_BUCKET, None),
    (REPOSITORIES, None),
    (BUCKET_OWNER, Some("")),
    (CODEBUILD_PROJECT, Some("{repository}")),
    (INCLUDE_REFERENCES, Some("refs/heads/**")),
    (EXCLUDE_REFERENCES, Some("test,develop,staging")),
    (CODECOMMIT_ROLE_ARN, Some("")),
    (CODECOMMIT_EXTERNAL_ID, Some("")),
    (UNBUNDLABLE, Some("codecommit")),
    (ARTIFACTS, Some("none")),
];

/// The same for the handler `intake`.
pub const INTAKE_VARIABLES: [(&str, Option<&str>); 4] = [
    (REPOSITORIES, None),
    (INCLUDE_REFERENCES, Some("refs/heads/**")),
    (EXCLUDE_REFERENCES, Some("test,develop,staging")),
    (PUSH_QUEUE_URL, None),
];

const CODE_BUCKET: &str = "CODE_BUCKET";
const BUCKET_OWNER: &str = "BUCKET_OWNER";
const CODEBUILD_PROJECT: &str = "CODEBUILD_PROJECT";
const INCLUDE_REFERENCES: &str = "INCLUDE_REFERENCES";
const EXCLUDE_REFERENCES: &str = "EXCLUDE_REFERENCES";
const CODECOMMIT_ROLE_ARN: &str = "CODECOMMIT_ROLE_ARN";
const CODECOMMIT_EXTERNAL_ID: &str = "CODECOMMIT_EXTERNAL_ID";
const UNBUNDLABLE: &str = "UNBUNDLABLE";
const ARTIFACTS: &str = "ARTIFACTS";
const REPOSITORIES: &str = "REPOSITORIES";
const PUSH_QUEUE_URL: &str = "PUSH_QUEUE_URL";

impl Config {
    /// Reads variables from wherever `lookup` finds them.
    ///
    /// # Errors
    ///
    /// The first variable that is missing or cannot be used.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |variable| get(&lookup, &VARIABLES, variable);
        values::check_endpoint(&lookup)?;
        Ok(Self {
            code_bucket: values::bucket(get(CODE_BUCKET)?)?,
            bucket_owner: values::account(get(BUCKET_OWNER)?)?,
            codebuild_project: values::project(get(CODEBUILD_PROJECT)?)?,
            selection: selection(get)?,
            codecommit_role_arn: values::role(get(CODECOMMIT_ROLE_ARN)?)?,
            codecommit_external_id: values::external_id(get(CODECOMMIT_EXTERNAL_ID)?)?,
            unbundlable: values::unbundlable(get(UNBUNDLABLE)?)?,
            artifacts: values::artifacts(get(ARTIFACTS)?)?,
        })
    }

    /// The CodeBuild project of a repository. A repository's name may have dots, which a project's
    /// may not: they become hyphens. A repository that begins with `_` can have none.
    pub(crate) fn project_of(&self, repository: &str) -> Result<String, BadProjectName> {
        let project = self
            .codebuild_project
            .replace("{repository}", &repository.replace('.', "-"));
        if values::is_project_name(&project) {
            return Ok(project);
        }
        Err(BadProjectName {
            repository: repository.to_owned(),
            project,
        })
    }

    /// Whether a push of this repository fails where its project does not exist. It is skipped where
    /// only a pattern lists the repository and it would have a project of its own.
    pub fn needs_project(&self, repository: &str) -> bool {
        let by_pattern =
            self.selection.repositories.select(repository) == Some(Selected::ByPattern);
        !(by_pattern && self.codebuild_project.contains("{repository}"))
    }

    /// The role that reads the repositories of another account or region.
    pub fn reader_in(&self, account: &str) -> Option<Reader> {
        let pattern = self.codecommit_role_arn.as_ref()?;
        Some(Reader {
            role_arn: pattern.replace("{account}", account),
            external_id: self.codecommit_external_id.clone(),
        })
    }
}

impl IntakeConfig {
    pub(crate) fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |variable| get(&lookup, &INTAKE_VARIABLES, variable);
        values::check_endpoint(&lookup)?;
        Ok(Self {
            selection: selection(get)?,
            push_queue_url: values::push_queue_url(get(PUSH_QUEUE_URL)?)?,
        })
    }
}

fn selection(
    get: impl Fn(&'static str) -> Result<String, ConfigError>,
) -> Result<Selection, ConfigError> {
    let excluded = get(EXCLUDE_REFERENCES)?;
    Ok(Selection {
        repositories: values::repositories(&get(REPOSITORIES)?)?,
        include_references: values::included(&get(INCLUDE_REFERENCES)?)?,
        exclude_references: values::globs(EXCLUDE_REFERENCES, &excluded)?,
    })
}

/// A variable's value, or its default.
fn get(
    lookup: impl Fn(&str) -> Option<String>,
    variables: &[(&'static str, Option<&str>)],
    variable: &'static str,
) -> Result<String, ConfigError> {
    let default = || variables.iter().find(|(name, _)| *name == variable)?.1;
    lookup(variable)
        .or_else(|| default().map(str::to_owned))
        .map(|value| value.trim().to_owned())
        .ok_or_else(|| {
            let accepted = match variable {
                CODE_BUCKET => "it names the S3 bucket that keeps the bundles",
                REPOSITORIES => "it lists the repositories to build, by names and patterns",
                _ => "it is the URL of the queue that pushes are forwarded to",
            };
            ConfigError {
                variable,
                value: None,
                accepted: accepted.to_owned(),
            }
        })
}

#[cfg(test)]
mod tests;
