//! The environment, read once into one typed value.

use std::fmt;

use crate::references::ReferenceGlobs;

/// What a deployment decides. Endpoints, credentials and the function's own region are the SDK's
/// to read.
#[derive(Clone, Debug)]
pub struct Config {
    /// `CODE_BUCKET`: the bucket of the bundles.
    pub code_bucket: String,
    /// `CODEBUILD_PROJECT`: the project to start; `{repository}` is replaced.
    pub codebuild_project: String,
    /// `INCLUDE_REFERENCES`: what is built.
    pub include_references: ReferenceGlobs,
    /// `EXCLUDE_REFERENCES`: what is not, though it is included.
    pub exclude_references: ReferenceGlobs,
    /// `CODECOMMIT_ROLE_ARN`: the role that reads repositories of other accounts and regions;
    /// `{account}` is the event's account.
    pub codecommit_role_arn: Option<String>,
    /// `CODECOMMIT_EXTERNAL_ID`: what that role asks for.
    pub codecommit_external_id: Option<String>,
    /// `UNBUNDLABLE`: what becomes of a commit that no bundle can hold.
    pub unbundlable: Unbundlable,
    /// `ARTIFACTS`: what a build keeps.
    pub artifacts: Artifacts,
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
pub enum Unbundlable {
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
    repository: String,
    project: String,
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
///
/// `template.yaml` and the README repeat this table, and a test holds them against it.
pub const VARIABLES: [(&str, Option<&str>); 8] = [
    (CODE_BUCKET, None),
    (CODEBUILD_PROJECT, Some("{repository}")),
    (INCLUDE_REFERENCES, Some("refs/heads/**")),
    (EXCLUDE_REFERENCES, Some("test,develop,staging")),
    (CODECOMMIT_ROLE_ARN, Some("")),
    (CODECOMMIT_EXTERNAL_ID, Some("")),
    (UNBUNDLABLE, Some("codecommit")),
    (ARTIFACTS, Some("none")),
];

const CODE_BUCKET: &str = "CODE_BUCKET";
const CODEBUILD_PROJECT: &str = "CODEBUILD_PROJECT";
const INCLUDE_REFERENCES: &str = "INCLUDE_REFERENCES";
const EXCLUDE_REFERENCES: &str = "EXCLUDE_REFERENCES";
const CODECOMMIT_ROLE_ARN: &str = "CODECOMMIT_ROLE_ARN";
const CODECOMMIT_EXTERNAL_ID: &str = "CODECOMMIT_EXTERNAL_ID";
const UNBUNDLABLE: &str = "UNBUNDLABLE";
const ARTIFACTS: &str = "ARTIFACTS";

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    ///
    /// The first variable that is missing or cannot be used.
    pub fn from_environment() -> Result<Self, ConfigError> {
        Self::read(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads variables from wherever `lookup` finds them.
    ///
    /// # Errors
    ///
    /// The first variable that is missing or cannot be used.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |variable: &'static str| -> Result<String, ConfigError> {
            let default = VARIABLES
                .iter()
                .find(|(name, _)| *name == variable)
                .and_then(|(_, default)| *default);
            lookup(variable)
                .or_else(|| default.map(str::to_owned))
                .map(|value| value.trim().to_owned())
                .ok_or_else(|| ConfigError {
                    variable,
                    value: None,
                    accepted: "it names the S3 bucket that keeps the bundles".to_owned(),
                })
        };
        check_endpoint(&lookup)?;
        Ok(Self {
            code_bucket: bucket(get(CODE_BUCKET)?)?,
            codebuild_project: project(get(CODEBUILD_PROJECT)?)?,
            include_references: included(&get(INCLUDE_REFERENCES)?)?,
            exclude_references: globs(EXCLUDE_REFERENCES, &get(EXCLUDE_REFERENCES)?)?,
            codecommit_role_arn: role(get(CODECOMMIT_ROLE_ARN)?)?,
            codecommit_external_id: external_id(get(CODECOMMIT_EXTERNAL_ID)?)?,
            unbundlable: unbundlable(get(UNBUNDLABLE)?)?,
            artifacts: artifacts(get(ARTIFACTS)?)?,
        })
    }

    /// Whether a push to this full reference name gets a build.
    pub fn builds(&self, full_name: &str) -> bool {
        self.include_references.matches(full_name) && !self.exclude_references.matches(full_name)
    }

    /// The CodeBuild project of a repository. A repository's name may have dots, which a project's
    /// may not: they become hyphens.
    ///
    /// # Errors
    ///
    /// A name that no project can have, such as that of a repository which begins with `_`.
    pub fn project_of(&self, repository: &str) -> Result<String, BadProjectName> {
        let project = self
            .codebuild_project
            .replace("{repository}", &repository.replace('.', "-"));
        if is_project_name(&project) {
            return Ok(project);
        }
        Err(BadProjectName {
            repository: repository.to_owned(),
            project,
        })
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

/// `sam local` hands its containers the user's credentials: a function that looked for AWS itself
/// would read, write and build there, though its user meant to try it on this machine.
fn check_endpoint(lookup: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
    let is_set = |name| lookup(name).is_some_and(|value| !value.trim().is_empty());
    if is_set("AWS_SAM_LOCAL") && !is_set("AWS_ENDPOINT_URL") {
        return Err(ConfigError {
            variable: "AWS_ENDPOINT_URL",
            value: None,
            accepted: "`sam local` would have this function call AWS itself, with your \
                       credentials; `--env-vars events/local-aws.json` names the local AWS"
                .to_owned(),
        });
    }
    Ok(())
}

fn refuse(variable: &'static str, value: impl Into<String>, accepted: &str) -> ConfigError {
    ConfigError {
        variable,
        value: Some(value.into()),
        accepted: accepted.to_owned(),
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>: a name; an ARN
/// or an `s3://` address would reach CodeBuild as part of a path.
fn bucket(value: String) -> Result<String, ConfigError> {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
    };
    if (3..=63).contains(&value.len()) && value.bytes().all(allowed) {
        return Ok(value);
    }
    Err(refuse(
        CODE_BUCKET,
        value,
        "it is the bucket's bare name, 3 to 63 of a-z, 0-9, dot, hyphen; no ARN, no s3://",
    ))
}

/// `ProjectName` in CodeBuild's API reference: `[A-Za-z0-9][A-Za-z0-9\-_]{1,149}` in one place, and
/// up to 255 letters in others.
fn is_project_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (2..=255).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

fn project(value: String) -> Result<String, ConfigError> {
    // An ordinary name in place of the repository's.
    if is_project_name(&value.replace("{repository}", "xx")) {
        return Ok(value);
    }
    Err(refuse(
        CODEBUILD_PROJECT,
        value,
        "it is the name of a CodeBuild project (2 to 255 letters, digits, hyphens and underscores, \
         the first a letter or digit), in which `{repository}` stands for the repository's name",
    ))
}

fn included(value: &str) -> Result<ReferenceGlobs, ConfigError> {
    let read = globs(INCLUDE_REFERENCES, value)?;
    if read.is_empty() {
        return Err(refuse(
            INCLUDE_REFERENCES,
            value,
            "it needs at least one glob, or nothing would ever be built; \
             leave it out for all branches (`refs/heads/**`)",
        ));
    }
    Ok(read)
}

fn globs(variable: &'static str, value: &str) -> Result<ReferenceGlobs, ConfigError> {
    ReferenceGlobs::parse(value).map_err(|why| ConfigError {
        variable,
        value: Some(value.to_owned()),
        accepted: format!(
            "{why}; it is a comma-separated list of globs such as `main,feature/**,refs/tags/v*`"
        ),
    })
}

fn role(value: String) -> Result<Option<String>, ConfigError> {
    if value.is_empty() {
        return Ok(None);
    }
    let mut parts = value.splitn(6, ':');
    let is_role = parts.next() == Some("arn")
        && parts
            .next()
            .is_some_and(|partition| partition.starts_with("aws"))
        && parts.next() == Some("iam")
        && parts.next() == Some("")
        && parts.next().is_some_and(|account| {
            account == "{account}"
                || (account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()))
        })
        && parts.next().is_some_and(|resource| {
            resource
                .strip_prefix("role/")
                .is_some_and(|name| !name.is_empty())
        });
    if is_role {
        return Ok(Some(value));
    }
    Err(refuse(
        CODECOMMIT_ROLE_ARN,
        value,
        "it is a role's ARN such as `arn:aws:iam::{account}:role/pushbuild-reader`, \
         in which `{account}` stands for the repository's account",
    ))
}

/// `ExternalId` in STS's API reference: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
/// Who deploys may take it for a secret, so the message does not repeat it.
fn external_id(value: String) -> Result<Option<String>, ConfigError> {
    if value.is_empty() {
        return Ok(None);
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
    if (2..=1224).contains(&value.len()) && value.bytes().all(allowed) {
        return Ok(Some(value));
    }
    Err(refuse(
        CODECOMMIT_EXTERNAL_ID,
        "…",
        "it is 2 to 1,224 letters, digits and any of `_+=,.@:/-`",
    ))
}

fn unbundlable(value: String) -> Result<Unbundlable, ConfigError> {
    match value.as_str() {
        "codecommit" => Ok(Unbundlable::CodeCommit),
        "reject" => Ok(Unbundlable::Reject),
        _ => Err(refuse(UNBUNDLABLE, value, "it is `codecommit` or `reject`")),
    }
}

fn artifacts(value: String) -> Result<Artifacts, ConfigError> {
    match value.as_str() {
        "none" => Ok(Artifacts::None),
        "project" => Ok(Artifacts::Project),
        _ => Err(refuse(ARTIFACTS, value, "it is `none` or `project`")),
    }
}

#[cfg(test)]
mod tests;
