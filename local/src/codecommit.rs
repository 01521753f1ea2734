//! CodeCommit over any Git repository of this machine.
//!
//! Nothing is copied and nothing is written: every call reads the repository as it is at that
//! moment, so that a commit made in another terminal is there for the next call. Names, members
//! and exceptions are those of the API reference
//! (<https://docs.aws.amazon.com/codecommit/latest/APIReference/>); where it leaves something
//! open, the comment at that place says "guess".
//!
//! | module | what it answers |
//! | --- | --- |
//! | [`mod@describe`] | what a command line wants to know about a repository before it pushes |
//! | `source` | one repository behind many calls at once |
//! | `input` | a call's members, and the exceptions for wrong ones |
//! | `specifier` | commit specifiers and branch names to commits |
//! | `tree` | paths to entries of a commit's tree |
//! | `comparison` | what differs between two trees |
//! | `unreadable` | what a repository that cannot be read is answered with |
//! | `folder`, `file`, `commit`, `branch`, `metadata` | the operations of these names |
//! | `differences`, `page` | GetDifferences, and its pages |

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

use serde_json::Value;

use crate::error::ServiceError;

mod branch;
mod commit;
mod comparison;
pub mod describe;
mod differences;
mod file;
mod folder;
mod input;
mod metadata;
mod page;
mod source;
mod specifier;
mod tree;
mod unreadable;

#[cfg(test)]
mod fixture;

pub use describe::{Description, Revision, TreeCount, count_tree, describe, revision};
use input::Input;
use source::Source;

/// The account that all repositories are in.
pub const ACCOUNT: &str = "123456789012";
/// The region that all repositories are in.
pub const REGION: &str = "us-east-1";

/// The service. Clones share the repositories.
#[derive(Clone, Debug, Default)]
pub struct CodeCommit(Arc<RwLock<BTreeMap<String, Arc<Source>>>>);

/// What an operation needs: the repository it is about, a handle to read it, and its members.
struct Call<'a> {
    source: &'a Source,
    git: &'a gix::Repository,
    input: &'a Input,
}

type Operation = fn(&Call<'_>) -> Result<Value, ServiceError>;

impl CodeCommit {
    /// A service without repositories.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves the Git repository that `path` is or lies in under `name`.
    ///
    /// `path` may be a bare repository, a work tree or a folder in it, a linked work tree, a
    /// submodule or a shallow clone. Adding the same one again changes nothing.
    ///
    /// # Errors
    ///
    /// When there is no Git repository at `path` or above it, when it is of a kind that CodeCommit
    /// does not have (SHA-256), when the name is none that CodeCommit takes, or when another
    /// repository has it.
    pub fn add_repository(&self, name: &str, path: &Path) -> anyhow::Result<()> {
        if let Err(error) = input::check_repository_name(name) {
            anyhow::bail!("{name:?} cannot be a repository's name: {}", error.message);
        }
        let source = Source::open(name, path)?;
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = all.get(name) {
            if there.git_dir() == source.git_dir() {
                return Ok(());
            }
            anyhow::bail!(
                "there is a repository named {name} already: {}",
                there.git_dir().display()
            );
        }
        all.insert(name.to_owned(), Arc::new(source));
        Ok(())
    }

    /// The names of the repositories, in order.
    pub fn repositories(&self) -> Vec<String> {
        self.sources()
            .iter()
            .map(|source| source.name().to_owned())
            .collect()
    }

    /// Answers one call: `operation` as in the API reference, members and answer as its JSON.
    ///
    /// # Errors
    ///
    /// The exception that the API reference documents for what is wrong with the call;
    /// `UnknownOperationException` for an operation that is not among those served.
    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, ServiceError> {
        let input = Input::new(input)?;
        let operation: Operation = match operation {
            "GetBlob" => file::get_blob,
            "GetBranch" => branch::get,
            "GetCommit" => commit::get,
            "GetDifferences" => differences::get,
            "GetFile" => file::get_file,
            "GetFolder" => folder::get,
            "GetRepository" => metadata::get,
            "ListBranches" => branch::list,
            "ListRepositories" => return metadata::list(&self.sources(), &input),
            other => {
                return Err(ServiceError::new(
                    "UnknownOperationException",
                    format!("the local CodeCommit does not have the operation {other}"),
                ));
            }
        };
        let source = self.source(&input)?;
        // Packs are read from disk and inflated: work for the blocking threads.
        let work = move || {
            source.with(|git| {
                operation(&Call {
                    source: &source,
                    git,
                    input: &input,
                })
            })
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(ServiceError::internal)?
    }

    fn source(&self, input: &Input) -> Result<Arc<Source>, ServiceError> {
        let name = input.required("repositoryName", "RepositoryNameRequiredException")?;
        input::check_repository_name(name)?;
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        // Names are case sensitive, in CodeCommit as here.
        all.get(name).cloned().ok_or_else(|| {
            ServiceError::new(
                "RepositoryDoesNotExistException",
                format!("{name} does not exist"),
            )
        })
    }

    fn sources(&self) -> Vec<Arc<Source>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.values().cloned().collect()
    }
}

#[cfg(test)]
mod tests;
