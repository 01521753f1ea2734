//! CodeCommit over any Git repository of this machine.
//!
//! Nothing is copied and nothing is written: every call reads the repository as it is at that
//! moment, so that a commit made in another terminal is there for the next call. Names, members
//! and exceptions are those of the API reference
//! (<https://docs.aws.amazon.com/codecommit/latest/APIReference/>); where it leaves something
//! open, the comment at that place says "guess".
//!
//! - `describe`: what a command line wants to know about a repository before it pushes
//! - `source`: one repository behind many calls at once
//! - `commit`, `tree`, `file`, `differences`: the operations

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gix::ObjectId;
use parking_lot::Mutex;
use serde_json::Value;

use crate::error::{ServiceError, refusal};

mod commit;
mod describe;
mod differences;
mod file;
mod source;
mod tree;

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

pub use describe::{describe, revision};
use source::Source;

/// The service. Clones share the repositories.
#[derive(Clone, Debug, Default)]
pub struct CodeCommit(Arc<Mutex<BTreeMap<String, Arc<Source>>>>);

type Operation = fn(&gix::Repository, &Value) -> Result<Value, ServiceError>;

impl CodeCommit {
    /// Serves the Git repository that `path` is or lies in under `name`.
    ///
    /// `path` may be a bare repository, a work tree or a folder in it, a linked work tree, a
    /// submodule or a shallow clone. Adding the same one again changes nothing.
    pub fn add_repository(&self, name: &str, path: &Path) -> anyhow::Result<()> {
        if let Err(error) = check_name(name) {
            anyhow::bail!("{name:?} cannot be a repository's name: {}", error.message);
        }
        let source = Source::open(path)?;
        let mut all = self.0.lock();
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
        self.0.lock().keys().cloned().collect()
    }

    /// Answers one call: `operation` as in the API reference, members and answer as its JSON.
    pub async fn call(&self, operation: &str, input: Value) -> Result<Value, ServiceError> {
        let operation: Operation = match operation {
            "GetBlob" => file::get_blob,
            "GetCommit" => commit::get,
            "GetDifferences" => differences::get,
            "GetFile" => file::get_file,
            "GetFolder" => tree::get_folder,
            other => return Err(ServiceError::unknown_operation(other)),
        };
        let source = self.source(&input)?;
        // Packs are read from disk and inflated: work for the blocking threads.
        let work = move || source.with(|git| operation(git, &input));
        tokio::task::spawn_blocking(work)
            .await
            .map_err(ServiceError::internal)?
    }

    fn source(&self, input: &Value) -> Result<Arc<Source>, ServiceError> {
        let name = required(input, "repositoryName", "RepositoryNameRequiredException")?;
        check_name(name)?;
        // Names are case sensitive, in CodeCommit as here.
        self.0
            .lock()
            .get(name)
            .cloned()
            .ok_or_else(|| refusal!("RepositoryDoesNotExistException", "{name} does not exist"))
    }
}

/// Refuses what cannot be a repository's name: 1 to 100 letters, digits, `.`, `_` and `-`, not
/// ending in `.git` (<https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html>).
fn check_name(name: &str) -> Result<(), ServiceError> {
    let is_allowed = (1..=100).contains(&name.len()) && name.chars().all(is_name_character);
    if is_allowed && name.strip_suffix(".git").is_none() {
        return Ok(());
    }
    Err(refusal!(
        "InvalidRepositoryNameException",
        "repository names are 1 to 100 letters, digits, '.', '_' and '-', and do not end in .git",
    ))
}

fn is_name_character(character: char) -> bool {
    character.is_ascii_alphanumeric() || "._-".contains(character)
}

/// A text member that must not be missing or empty: else the refusal is `exception`.
fn required<'a>(input: &'a Value, member: &str, exception: &str) -> Result<&'a str, ServiceError> {
    input[member]
        .as_str()
        .filter(|text| !text.is_empty())
        .ok_or_else(|| refusal!(exception, "{member} is required"))
}

/// Reads a full object id. CodeCommit refuses short ones, and anything else, with `exception`.
fn object_id(id: &str, exception: &str) -> Result<ObjectId, ServiceError> {
    ObjectId::from_hex(id.as_bytes())
        .map_err(|_| refusal!(exception, "{id:?} is not a full object id"))
}
