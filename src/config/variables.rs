//! The environment variables, and how one is read.

use std::ops::RangeInclusive;

use super::ConfigError;

/// An environment variable.
#[derive(Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Its value where it is not set; `None` where it must be set.
    pub default: Option<&'static str>,
    /// Whether a value is accepted.
    accepts: fn(&str) -> bool,
    /// Which values are accepted, in words.
    accepted: &'static str,
}

/// The variables of the handler `publish`. `template.yaml` and the README repeat their names and
/// defaults, and a test compares them.
pub const VARIABLES: [&Variable; 10] = [
    &CODE_BUCKET,
    &REPOSITORIES,
    &BUCKET_OWNER,
    &CODEBUILD_PROJECT,
    &INCLUDE_REFERENCES,
    &EXCLUDE_REFERENCES,
    &CODECOMMIT_ROLE_ARN,
    &CODECOMMIT_EXTERNAL_ID,
    &UNBUNDLABLE,
    &ARTIFACTS,
];

/// The variables of the handler `intake`.
pub const INTAKE_VARIABLES: [&Variable; 4] = [
    &REPOSITORIES,
    &INCLUDE_REFERENCES,
    &EXCLUDE_REFERENCES,
    &PUSH_QUEUE_URL,
];

/// A name by <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>: an ARN
/// or an `s3://` address would reach CodeBuild as part of a path.
pub(super) const CODE_BUCKET: Variable = Variable {
    name: "CODE_BUCKET",
    default: None,
    accepts: |value| has(value, 3..=63, "._-") && !value.contains(char::is_uppercase),
    accepted: "it must be the bare name of the bucket that keeps the bundles, 3 to 63 of a-z, 0-9, dot, \
               hyphen; no ARN, no s3://",
};

pub(super) const REPOSITORIES: Variable = Variable {
    name: "REPOSITORIES",
    default: None,
    accepts: has_items,
    accepted: "it must be a comma-separated list of repositories' names and of patterns such as \
               `team-*`; `*` selects every repository that has a project",
};

pub(super) const BUCKET_OWNER: Variable = Variable {
    name: "BUCKET_OWNER",
    default: Some(""),
    accepts: |value| value.is_empty() || is_account(value),
    accepted: "it must be the id of the bucket's account, 12 digits, or empty for the function's own",
};

pub(super) const CODEBUILD_PROJECT: Variable = Variable {
    name: "CODEBUILD_PROJECT",
    default: Some("{repository}"),
    // An ordinary name in place of the repository's.
    accepts: |value| is_project_name(&value.replace("{repository}", "xx")),
    accepted: "it must be the name of a CodeBuild project (2 to 255 letters, digits, hyphens and \
               underscores, the first a letter or digit), in which `{repository}` stands for the \
               repository's name",
};

pub(super) const INCLUDE_REFERENCES: Variable = Variable {
    name: "INCLUDE_REFERENCES",
    default: Some("refs/heads/**"),
    accepts: has_items,
    accepted: "it must be a comma-separated list of at least one glob, such as \
               `main,feature/**,refs/tags/v*`; leave it out for all branches (`refs/heads/**`)",
};

pub(super) const EXCLUDE_REFERENCES: Variable = Variable {
    name: "EXCLUDE_REFERENCES",
    default: Some("test,develop,staging"),
    accepts: |_| true,
    accepted: "it must be a comma-separated list of globs such as `main,feature/**,refs/tags/v*`",
};

pub(super) const CODECOMMIT_ROLE_ARN: Variable = Variable {
    name: "CODECOMMIT_ROLE_ARN",
    default: Some(""),
    accepts: |value| value.is_empty() || is_role(value),
    accepted: "it must be a role's ARN such as `arn:aws:iam::{account}:role/pushbuild-reader`, in which \
               `{account}` stands for the repository's account",
};

/// `ExternalId` in <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
pub(super) const CODECOMMIT_EXTERNAL_ID: Variable = Variable {
    name: "CODECOMMIT_EXTERNAL_ID",
    default: Some(""),
    accepts: |value| value.is_empty() || has(value, 2..=1224, "_+=,.@:/-"),
    accepted: "it must be 2 to 1,224 letters, digits and any of `_+=,.@:/-`",
};

pub(super) const UNBUNDLABLE: Variable = Variable {
    name: "UNBUNDLABLE",
    default: Some("codecommit"),
    accepts: |value| matches!(value, "codecommit" | "reject"),
    accepted: "it must be `codecommit` or `reject`",
};

pub(super) const ARTIFACTS: Variable = Variable {
    name: "ARTIFACTS",
    default: Some("none"),
    accepts: |value| matches!(value, "none" | "project"),
    accepted: "it must be `none` or `project`",
};

pub(super) const PUSH_QUEUE_URL: Variable = Variable {
    name: "PUSH_QUEUE_URL",
    default: None,
    accepts: |value| value.starts_with("https://") || value.starts_with("http://"),
    accepted: "it must be the push queue's URL, which begins with https://",
};

/// Whether a value has so many letters, digits and `others`, and nothing else.
fn has(value: &str, length: RangeInclusive<usize>, others: &str) -> bool {
    let mut letters = value.chars();
    length.contains(&value.len())
        && letters.all(|letter| letter.is_ascii_alphanumeric() || others.contains(letter))
}

/// Whether a list names something, besides blanks and commas.
fn has_items(list: &str) -> bool {
    list.contains(|letter: char| letter != ',' && !letter.is_whitespace())
}

fn is_account(value: &str) -> bool {
    value.len() == 12 && value.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_role(value: &str) -> bool {
    let parts: Vec<_> = value.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, resource] = parts[..] else {
        return false;
    };
    let name = resource.strip_prefix("role/").unwrap_or_default();
    let is_known = account == "{account}" || is_account(account);
    partition.starts_with("aws") && is_known && !name.is_empty()
}

/// `ProjectName` in CodeBuild's API reference: `[A-Za-z0-9][A-Za-z0-9\-_]{1,149}` in one place, and
/// up to 255 letters in others.
pub(super) fn is_project_name(name: &str) -> bool {
    has(name, 2..=255, "-_") && name.starts_with(|first: char| first.is_ascii_alphanumeric())
}

/// Finds the value of a variable, by its name.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Variable {
    pub(super) fn read(&self, lookup: Lookup<'_>) -> Result<String, ConfigError> {
        self.parse(lookup, |value| Ok(value.to_owned()))
    }

    /// The same for a variable that may be empty.
    pub(super) fn read_optional(&self, lookup: Lookup<'_>) -> Result<Option<String>, ConfigError> {
        let value = self.read(lookup)?;
        Ok(Some(value).filter(|value| !value.is_empty()))
    }

    /// Reads a value that `parse` has to understand.
    pub(super) fn parse<T>(
        &self,
        lookup: Lookup<'_>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        let Self { name, accepted, .. } = self;
        let set = lookup(name);
        let Some(value) = set.as_deref().or(self.default) else {
            return Err(ConfigError(format!(
                "the environment variable {name} is not set: {accepted}"
            )));
        };
        let value = value.trim();
        let read = if (self.accepts)(value) {
            parse(value).map_err(|why| format!("{why}; {accepted}"))
        } else {
            Err((*accepted).to_owned())
        };
        read.map_err(|accepted| {
            // A deployment may treat its external id as a secret.
            let is_secret = *name == CODECOMMIT_EXTERNAL_ID.name;
            let value = if is_secret { "…" } else { value };
            ConfigError(format!("{name}={value:?} cannot be used: {accepted}"))
        })
    }
}
