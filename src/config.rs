//! The environment, read once into one typed value.

mod variables;

use crate::selection::{Globs, Selection};
use variables::Lookup;
pub use variables::{INTAKE_VARIABLES, VARIABLES, Variable};

/// What a deployment decides for the handler `publish`. The SDK reads endpoints, credentials and the
/// function's own Region itself.
#[derive(Clone, Debug)]
pub struct Config {
    /// `CODE_BUCKET`: the bucket of the bundles.
    pub code_bucket: String,
    /// `BUCKET_OWNER`: the account that the bucket must belong to; `None` for the function's own.
    pub bucket_owner: Option<String>,
    /// `CODEBUILD_PROJECT`: the project to start; `{repository}` is replaced.
    pub codebuild_project: String,
    /// Which pushes are built.
    pub selection: Selection,
    /// `CODECOMMIT_ROLE_ARN`: the role that reads repositories of other accounts and Regions;
    /// `{account}` is replaced by the event's account.
    pub codecommit_role_arn: Option<String>,
    /// `CODECOMMIT_EXTERNAL_ID`: the external id that this role asks for.
    pub codecommit_external_id: Option<String>,
    /// `UNBUNDLABLE`: what is done with a commit that no bundle can hold.
    pub unbundlable: UnbundlablePolicy,
    /// `ARTIFACTS`: which artifacts a build keeps.
    pub artifacts: Artifacts,
}

/// What a deployment decides for the handler `intake`.
#[derive(Clone, Debug)]
pub(crate) struct IntakeConfig {
    /// Which pushes are forwarded.
    pub selection: Selection,
    /// `PUSH_QUEUE_URL`: where they are forwarded to.
    pub push_queue_url: String,
}

/// A role that reads repositories where the function's own role cannot.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reader {
    /// Its ARN.
    pub role_arn: String,
    /// The external id that its trust policy asks for, if any.
    pub external_id: Option<String>,
}

/// What is done with a commit that cannot be bundled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnbundlablePolicy {
    /// CodeBuild clones it from CodeCommit.
    CodeCommit,
    /// The push goes to the dead-letter queue.
    Reject,
}

/// Which artifacts a build keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Artifacts {
    /// None, whatever its project says.
    None,
    /// Those that its project names.
    Project,
}

/// A project name that CodeBuild does not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "repository {repository} is built by the project `{project}`, which CodeBuild cannot have: a \
     project's name has 2 to 255 letters, digits, hyphens and underscores, the first a letter or digit"
)]
pub struct BadProjectName {
    /// The repository's name.
    pub repository: String,
    /// The name that its project would have.
    pub project: String,
}

/// A variable that is missing, or whose value is not accepted.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// Reads the variables' values from `lookup`.
    ///
    /// # Errors
    ///
    /// The first variable that is missing or not accepted.
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let lookup: Lookup<'_> = &lookup;
        refuse_aws_from_sam_local(lookup)?;
        Ok(Self {
            code_bucket: variables::CODE_BUCKET.read(lookup)?,
            bucket_owner: variables::BUCKET_OWNER.read_optional(lookup)?,
            codebuild_project: variables::CODEBUILD_PROJECT.read(lookup)?,
            selection: selection(lookup)?,
            codecommit_role_arn: variables::CODECOMMIT_ROLE_ARN.read_optional(lookup)?,
            codecommit_external_id: variables::CODECOMMIT_EXTERNAL_ID.read_optional(lookup)?,
            unbundlable: match &*variables::UNBUNDLABLE.read(lookup)? {
                "reject" => UnbundlablePolicy::Reject,
                _ => UnbundlablePolicy::CodeCommit,
            },
            artifacts: match &*variables::ARTIFACTS.read(lookup)? {
                "project" => Artifacts::Project,
                _ => Artifacts::None,
            },
        })
    }

    /// The CodeBuild project of a repository. A repository's name may have dots, which a project's
    /// may not: they become hyphens. A repository that begins with `_` can have none.
    pub(crate) fn project_of(&self, repository: &str) -> Result<String, BadProjectName> {
        let project = self
            .codebuild_project
            .replace("{repository}", &repository.replace('.', "-"));
        if variables::is_project_name(&project) {
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

    /// The role that reads the repositories of another account or Region.
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
        refuse_aws_from_sam_local(&lookup)?;
        Ok(Self {
            selection: selection(&lookup)?,
            push_queue_url: variables::PUSH_QUEUE_URL.read(&lookup)?,
        })
    }
}

fn selection(lookup: Lookup<'_>) -> Result<Selection, ConfigError> {
    Ok(Selection {
        repositories: variables::REPOSITORIES.parse(lookup, Globs::of_repositories)?,
        include_references: variables::INCLUDE_REFERENCES.parse(lookup, Globs::of_references)?,
        exclude_references: variables::EXCLUDE_REFERENCES.parse(lookup, Globs::of_references)?,
    })
}

/// `sam local` hands its containers the user's credentials: without an endpoint, a function that was
/// meant to be tried on this machine would read, write and build in AWS.
fn refuse_aws_from_sam_local(lookup: Lookup<'_>) -> Result<(), ConfigError> {
    let is_set = |name| lookup(name).is_some_and(|value| !value.trim().is_empty());
    if is_set("AWS_SAM_LOCAL") && !is_set("AWS_ENDPOINT_URL") {
        let why = "the environment variable AWS_ENDPOINT_URL is not set: `sam local` would have \
                   this function call AWS itself, with your credentials; `--env-vars \
                   events/local-aws.json` names the local AWS";
        return Err(ConfigError(why.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
