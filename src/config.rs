//! The environment, read once into one typed value.

mod values;

use std::fmt;

use crate::selection::Selection;

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
    ("CODE_BUCKET", None),
    ("REPOSITORIES", None),
    ("BUCKET_OWNER", Some("")),
    ("CODEBUILD_PROJECT", Some("{repository}")),
    ("INCLUDE_REFERENCES", Some("refs/heads/**")),
    ("EXCLUDE_REFERENCES", Some("test,develop,staging")),
    ("CODECOMMIT_ROLE_ARN", Some("")),
    (EXTERNAL_ID, Some("")),
    ("UNBUNDLABLE", Some("codecommit")),
    ("ARTIFACTS", Some("none")),
];

const EXTERNAL_ID: &str = "CODECOMMIT_EXTERNAL_ID";

/// The same for the handler `intake`.
pub const INTAKE_VARIABLES: [(&str, Option<&str>); 4] = [
    ("REPOSITORIES", None),
    ("INCLUDE_REFERENCES", Some("refs/heads/**")),
    ("EXCLUDE_REFERENCES", Some("test,develop,staging")),
    ("PUSH_QUEUE_URL", None),
];

impl Config {
    /// Reads variables from wherever `lookup` finds them.
    ///
    /// # Errors
    ///
    /// The first variable that is missing or cannot be used.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let environment = Environment::checked(&lookup, &VARIABLES)?;
        Ok(Self {
            code_bucket: environment.read("CODE_BUCKET", values::bucket)?,
            bucket_owner: environment.read("BUCKET_OWNER", values::account)?,
            codebuild_project: environment.read("CODEBUILD_PROJECT", values::project)?,
            selection: environment.selection()?,
            codecommit_role_arn: environment.read("CODECOMMIT_ROLE_ARN", values::role)?,
            codecommit_external_id: environment.read(EXTERNAL_ID, values::external_id)?,
            unbundlable: environment.read("UNBUNDLABLE", values::unbundlable)?,
            artifacts: environment.read("ARTIFACTS", values::artifacts)?,
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
        self.selection.repositories.has(repository)
            || !self.codebuild_project.contains("{repository}")
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
        let environment = Environment::checked(&lookup, &INTAKE_VARIABLES)?;
        Ok(Self {
            selection: environment.selection()?,
            push_queue_url: environment.read("PUSH_QUEUE_URL", values::push_queue_url)?,
        })
    }
}

/// Where variables are found, and their defaults.
struct Environment<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    defaults: &'a [(&'static str, Option<&'static str>)],
}

impl<'a> Environment<'a> {
    /// `sam local` hands its containers the user's credentials: a function that looked for AWS itself
    /// would read, write and build there, though its user meant to try it on this machine.
    fn checked(
        lookup: &'a dyn Fn(&str) -> Option<String>,
        defaults: &'a [(&'static str, Option<&'static str>)],
    ) -> Result<Self, ConfigError> {
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
        Ok(Self { lookup, defaults })
    }

    /// A variable's value, or its default, as `read` understands it; or what it accepts.
    fn read<T>(
        &self,
        variable: &'static str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        let mut defaults = self.defaults.iter();
        let default = defaults.find(|(name, _)| *name == variable);
        let default = || default?.1.map(str::to_owned);
        let value = (self.lookup)(variable).or_else(default);
        let value = value.map(|value| value.trim().to_owned());
        read(value.as_deref().unwrap_or_default()).map_err(|accepted| ConfigError {
            variable,
            // Who deploys may take the external id for a secret.
            value: value.map(|value| {
                if variable == EXTERNAL_ID {
                    "…".to_owned()
                } else {
                    value
                }
            }),
            accepted,
        })
    }

    fn selection(&self) -> Result<Selection, ConfigError> {
        Ok(Selection {
            repositories: self.read("REPOSITORIES", values::repositories)?,
            include_references: self.read("INCLUDE_REFERENCES", values::included)?,
            exclude_references: self.read("EXCLUDE_REFERENCES", values::globs)?,
        })
    }
}

#[cfg(test)]
mod tests;
