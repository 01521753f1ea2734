//! From a path to an entry of a commit's tree.
//!
//! Paths in calls are UTF-8 text with `/` between folders; a leading one is allowed, as in
//! "/examples is a fully-qualified path" (API_GetFolder). Names in Git are bytes: one that is not
//! UTF-8 cannot be asked for, and in an answer has U+FFFD for what JSON cannot carry.

use gix::ObjectId;
use gix::bstr::{BStr, ByteSlice as _};
use gix::objs::tree::EntryKind;
use serde_json::Value;

use super::source::unreadable;
use crate::error::ServiceError;

/// A path in a repository: its components, none of them empty. Without any, it is the root.
#[derive(Clone, Debug)]
pub(super) struct RepositoryPath(Vec<String>);

impl RepositoryPath {
    /// Reads a member that is a path.
    pub(super) fn of_member(input: &Value, member: &str) -> Result<Self, ServiceError> {
        let path = input[member].as_str().ok_or_else(|| {
            let message = format!("the {member} for a location cannot be null");
            ServiceError::new("PathRequiredException", message)
        })?;
        Self::parse(path)
    }

    /// At most 4,096 characters
    /// (<https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html>).
    fn parse(path: &str) -> Result<Self, ServiceError> {
        let inner = path.strip_prefix('/').unwrap_or(path);
        if inner.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let wrong = |part: &str| matches!(part, "" | "." | "..") || part.contains('\0');
        if path.chars().count() > 4096 || inner.split('/').any(wrong) {
            let message = format!("{path:?} is not a valid path");
            return Err(ServiceError::new("InvalidPathException", message));
        }
        Ok(Self(inner.split('/').map(str::to_owned).collect()))
    }

    /// The path from the root, without a leading slash: the root's is empty.
    pub(super) fn text(&self) -> String {
        self.0.join("/")
    }

    /// The full path of an entry of this folder, as an answer can carry it.
    pub(super) fn join(&self, name: &BStr) -> String {
        let mut parts: Vec<_> = self.0.iter().map(|part| part.as_str().into()).collect();
        parts.push(name.to_str_lossy());
        parts.join("/")
    }

    /// What is at this path of a commit. The kind is one of the five that Git knows today: the
    /// mode 100664 of old repositories counts as 100644, in CodeCommit's answers as in Git's own.
    pub(super) fn find(
        &self,
        git: &gix::Repository,
        commit: ObjectId,
    ) -> Result<Option<(EntryKind, ObjectId)>, ServiceError> {
        let commit = git.find_commit(commit).map_err(unreadable)?;
        let root = commit.tree().map_err(unreadable)?;
        if self.0.is_empty() {
            return Ok(Some((EntryKind::Tree, root.id)));
        }
        let parts = self.0.iter().map(String::as_str);
        let entry = root.lookup_entry(parts).map_err(unreadable)?;
        Ok(entry.map(|entry| (entry.mode().kind(), entry.object_id())))
    }
}
