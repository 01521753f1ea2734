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

pub(super) fn refuse(
    variable: &'static str,
    value: impl Into<String>,
    accepted: &str,
) -> ConfigError {
    ConfigError {
        variable,
        value: Some(value.into()),
        accepted: accepted.to_owned(),
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>: a name; an ARN
/// or an `s3://` address would reach CodeBuild as part of a path.
pub(super) fn bucket(value: String) -> Result<String, ConfigError> {
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

pub(super) fn account(value: String) -> Result<Option<String>, ConfigError> {
    if value.is_empty() {
        return Ok(None);
    }
    if value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(Some(value));
    }
    let accepted =
        "it is the id of the bucket's account, 12 digits, or empty for the function's own";
    Err(refuse(BUCKET_OWNER, value, accepted))
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
    ReferenceGlobs::parse(value).map_err(|why| ConfigError {
        variable,
        value: Some(value.to_owned()),
        accepted: format!(
            "{why}; it is a comma-separated list of globs such as `main,feature/**,refs/tags/v*`"
        ),
    })
}

pub(super) fn role(value: String) -> Result<Option<String>, ConfigError> {
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
pub(super) fn external_id(value: String) -> Result<Option<String>, ConfigError> {
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
    if value.starts_with("https://") || value.starts_with("http://") {
        return Ok(value);
    }
    Err(refuse(
        PUSH_QUEUE_URL,
        value,
        "it is the push queue's URL, which begins with https://",
    ))
}
