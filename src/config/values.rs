//! What each variable may say. A value that is refused comes back as what is accepted.

use super::{Artifacts, UnbundlablePolicy};
use crate::selection::Globs;

fn accept(value: &str, is_good: bool, accepted: &str) -> Result<String, String> {
    is_good
        .then(|| value.to_owned())
        .ok_or_else(|| accepted.to_owned())
}

/// The same for a value that may be left out.
fn optional(value: &str, is_good: bool, accepted: &str) -> Result<Option<String>, String> {
    let accepted = accept(value, is_good || value.is_empty(), accepted)?;
    Ok(Some(accepted).filter(|value| !value.is_empty()))
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>: a name; an ARN
/// or an `s3://` address would reach CodeBuild as part of a path.
pub(super) fn bucket(value: &str) -> Result<String, String> {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_')
    };
    let is_name = (3..=63).contains(&value.len()) && value.bytes().all(allowed);
    let accepted = "it is the bare name of the bucket that keeps the bundles, 3 to 63 of a-z, 0-9, \
                    dot, hyphen; no ARN, no s3://";
    accept(value, is_name, accepted)
}

fn is_account(value: &str) -> bool {
    value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn account(value: &str) -> Result<Option<String>, String> {
    let accepted =
        "it is the id of the bucket's account, 12 digits, or empty for the function's own";
    optional(value, is_account(value), accepted)
}

/// `ProjectName` in CodeBuild's API reference: `[A-Za-z0-9][A-Za-z0-9\-_]{1,149}` in one place, and
/// up to 255 letters in others.
pub(super) fn is_project_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (2..=255).contains(&name.len())
        && name.bytes().all(allowed)
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

pub(super) fn project(value: &str) -> Result<String, String> {
    // An ordinary name in place of the repository's.
    let is_good = is_project_name(&value.replace("{repository}", "xx"));
    let accepted = "it is the name of a CodeBuild project (2 to 255 letters, digits, hyphens and \
                    underscores, the first a letter or digit), in which `{repository}` stands for \
                    the repository's name";
    accept(value, is_good, accepted)
}

pub(super) fn included(value: &str) -> Result<Globs, String> {
    let read = globs(value)?;
    if read.is_empty() {
        let accepted = "it needs at least one glob, or nothing would ever be built; leave it out \
                        for all branches (`refs/heads/**`)";
        return Err(accepted.to_owned());
    }
    Ok(read)
}

pub(super) fn globs(value: &str) -> Result<Globs, String> {
    let accepted = "it is a comma-separated list of globs such as `main,feature/**,refs/tags/v*`";
    Globs::of_references(value).map_err(|why| format!("{why}; {accepted}"))
}

pub(super) fn role(value: &str) -> Result<Option<String>, String> {
    let parts: Vec<_> = value.splitn(6, ':').collect();
    let is_role = match parts[..] {
        ["arn", partition, "iam", "", account, resource] => {
            let name = resource.strip_prefix("role/");
            partition.starts_with("aws")
                && (account == "{account}" || is_account(account))
                && name.is_some_and(|name| !name.is_empty())
        }
        _ => false,
    };
    let accepted = "it is a role's ARN such as `arn:aws:iam::{account}:role/pushbuild-reader`, \
                    in which `{account}` stands for the repository's account";
    optional(value, is_role, accepted)
}

/// `ExternalId` in STS's API reference: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
pub(super) fn external_id(value: &str) -> Result<Option<String>, String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
    let is_good = (2..=1224).contains(&value.len()) && value.bytes().all(allowed);
    let accepted = "it is 2 to 1,224 letters, digits and any of `_+=,.@:/-`";
    optional(value, is_good, accepted)
}

pub(super) fn unbundlable(value: &str) -> Result<UnbundlablePolicy, String> {
    match value {
        "codecommit" => Ok(UnbundlablePolicy::CodeCommit),
        "reject" => Ok(UnbundlablePolicy::Reject),
        _ => Err("it is `codecommit` or `reject`".to_owned()),
    }
}

pub(super) fn artifacts(value: &str) -> Result<Artifacts, String> {
    match value {
        "none" => Ok(Artifacts::None),
        "project" => Ok(Artifacts::Project),
        _ => Err("it is `none` or `project`".to_owned()),
    }
}

pub(super) fn repositories(value: &str) -> Result<Globs, String> {
    let accepted = "it is a comma-separated list of repositories' names and of patterns such as \
                    `team-*`; `*` selects every repository that has a project";
    let read = Globs::of_repositories(value).map_err(|why| format!("{why}; {accepted}"))?;
    if read.is_empty() {
        return Err(accepted.to_owned());
    }
    Ok(read)
}

pub(super) fn push_queue_url(value: &str) -> Result<String, String> {
    let is_url = value.starts_with("https://") || value.starts_with("http://");
    let accepted = "it is the push queue's URL, which begins with https://";
    accept(value, is_url, accepted)
}
