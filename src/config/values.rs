//! What each variable may say.

use super::{
    ARTIFACTS, Artifacts, BUCKET_OWNER, CODE_BUCKET, CODEBUILD_PROJECT, CODECOMMIT_EXTERNAL_ID,
    CODECOMMIT_ROLE_ARN, ConfigError, INCLUDE_REFERENCES, PUSH_QUEUE_URL, REPOSITORIES,
    UNBUNDLABLE, UnbundlablePolicy,
};
use crate::selection::{ReferenceGlobs, Repositories};

/// `sam local` hands its containers the user's credentials: a function that looked for AWS itself
/// would read, write and build there, though its user meant to try it on this machine.
pub(super) fn check_endpoint(lookup: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
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

fn accept(
    variable: &'static str,
    value: String,
    is_good: bool,
    accepted: &str,
) -> Result<String, ConfigError> {
    if is_good {
        return Ok(value);
    }
    Err(refuse(variable, value, accepted))
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>: a name; an ARN
/// or an `s3://` address would reach CodeBuild as part of a path.
pub(super) fn bucket(value: String) -> Result<String, ConfigError> {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
    };
    let is_name = (3..=63).contains(&value.len()) && value.bytes().all(allowed);
    let accepted =
        "it is the bucket's bare name, 3 to 63 of a-z, 0-9, dot, hyphen; no ARN, no s3://";
    accept(CODE_BUCKET, value, is_name, accepted)
}

fn is_account(value: &str) -> bool {
    value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn account(value: String) -> Result<Option<String>, ConfigError> {
    let is_good = value.is_empty() || is_account(&value);
    let accepted =
        "it is the id of the bucket's account, 12 digits, or empty for the function's own";
    accept(BUCKET_OWNER, value, is_good, accepted).map(not_empty)
}

fn not_empty(value: String) -> Option<String> {
    Some(value).filter(|value| !value.is_empty())
}

/// `ProjectName` in CodeBuild's API reference: `[A-Za-z0-9][A-Za-z0-9\-_]{1,149}` in one place, and
/// up to 255 letters in others.
pub(super) fn is_project_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (2..=255).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

pub(super) fn project(value: String) -> Result<String, ConfigError> {
    // An ordinary name in place of the repository's.
    let is_good = is_project_name(&value.replace("{repository}", "xx"));
    let accepted = "it is the name of a CodeBuild project (2 to 255 letters, digits, hyphens and \
                    underscores, the first a letter or digit), in which `{repository}` stands for \
                    the repository's name";
    accept(CODEBUILD_PROJECT, value, is_good, accepted)
}

pub(super) fn included(value: &str) -> Result<ReferenceGlobs, ConfigError> {
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

pub(super) fn globs(variable: &'static str, value: &str) -> Result<ReferenceGlobs, ConfigError> {
    ReferenceGlobs::parse(value).map_err(|why| {
        let accepted =
            "it is a comma-separated list of globs such as `main,feature/**,refs/tags/v*`";
        refuse(variable, value, &format!("{why}; {accepted}"))
    })
}

pub(super) fn role(value: String) -> Result<Option<String>, ConfigError> {
    let parts: Vec<_> = value.splitn(6, ':').collect();
    let is_role = match parts[..] {
        ["arn", partition, "iam", "", account, resource] => {
            let name = resource.strip_prefix("role/");
            partition.starts_with("aws")
                && (account == "{account}" || is_account(account))
                && name.is_some_and(|name| !name.is_empty())
        }
        _ => value.is_empty(),
    };
    let accepted = "it is a role's ARN such as `arn:aws:iam::{account}:role/pushbuild-reader`, \
                    in which `{account}` stands for the repository's account";
    accept(CODECOMMIT_ROLE_ARN, value, is_role, accepted).map(not_empty)
}

/// `ExternalId` in STS's API reference: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
/// Who deploys may take it for a secret, so the message does not repeat it.
pub(super) fn external_id(value: String) -> Result<Option<String>, ConfigError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
    let is_good = (2..=1224).contains(&value.len()) && value.bytes().all(allowed);
    if !is_good && !value.is_empty() {
        let accepted = "it is 2 to 1,224 letters, digits and any of `_+=,.@:/-`";
        return Err(refuse(CODECOMMIT_EXTERNAL_ID, "…", accepted));
    }
    Ok(not_empty(value))
}

pub(super) fn unbundlable(value: String) -> Result<UnbundlablePolicy, ConfigError> {
    match value.as_str() {
        "codecommit" => Ok(UnbundlablePolicy::CodeCommit),
        "reject" => Ok(UnbundlablePolicy::Reject),
        _ => Err(refuse(UNBUNDLABLE, value, "it is `codecommit` or `reject`")),
    }
}

pub(super) fn artifacts(value: String) -> Result<Artifacts, ConfigError> {
    match value.as_str() {
        "none" => Ok(Artifacts::None),
        "project" => Ok(Artifacts::Project),
        _ => Err(refuse(ARTIFACTS, value, "it is `none` or `project`")),
    }
}

pub(super) fn repositories(value: &str) -> Result<Repositories, ConfigError> {
    const ACCEPTED: &str = "it is a comma-separated list of repositories' names and of patterns \
                            such as `team-*`; `*` selects every repository that has a project";
    let read = Repositories::parse(value)
        .map_err(|why| refuse(REPOSITORIES, value, &format!("{why}; {ACCEPTED}")))?;
    if read.is_empty() {
        return Err(refuse(REPOSITORIES, value, ACCEPTED));
    }
    Ok(read)
}

pub(super) fn push_queue_url(value: String) -> Result<String, ConfigError> {
    let is_url = value.starts_with("https://") || value.starts_with("http://");
    let accepted = "it is the push queue's URL, which begins with https://";
    accept(PUSH_QUEUE_URL, value, is_url, accepted)
}
