//! From a path to an entry of a commit's tree.
//!
//! Paths in calls are UTF-8 text with `/` between folders; a leading one is allowed, as in
//! "/examples is a fully-qualified path" (API_GetFolder). Names in Git are bytes: one that is not
//! UTF-8 cannot be asked for, and in an answer has U+FFFD for what JSON cannot carry.

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::objs::TreeRefIter;
use gix::objs::tree::EntryKind;

use super::unreadable::unreadable;
use crate::error::ServiceError;

/// A path in a repository: its components, none of them empty. Without any, it is the root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct RepositoryPath(Vec<String>);

/// An entry of a folder. The mode is one of the five that Git knows today: the 100664 of old
/// repositories counts as 100644, in CodeCommit's answers as in Git's own.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Entry {
    pub(super) name: BString,
    pub(super) kind: EntryKind,
    pub(super) id: ObjectId,
}

impl RepositoryPath {
    /// Reads a path as calls give it. At most 4,096 characters
    /// (<https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html>).
    pub(super) fn parse(path: &str) -> Result<Self, ServiceError> {
        let inner = path.strip_prefix('/').unwrap_or(path);
        if inner.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let wrong = |part: &str| matches!(part, "" | "." | "..") || part.contains('\0');
        if path.chars().count() > 4096 || inner.split('/').any(wrong) {
            return Err(ServiceError::new(
                "InvalidPathException",
                format!("{path:?} is not a valid path"),
            ));
        }
        Ok(Self(inner.split('/').map(str::to_owned).collect()))
    }

    /// The path from the root, without a leading slash: the root's is empty.
    pub(super) fn text(&self) -> String {
        self.0.join("/")
    }

    /// The full path of an entry of this folder, as an answer can carry it.
    pub(super) fn join(&self, name: &BStr) -> String {
        let name = name.to_str_lossy();
        if self.0.is_empty() {
            name.into_owned()
        } else {
            format!("{}/{name}", self.text())
        }
    }

    /// The entry at this path under the folder `root`, or `None` where there is none.
    pub(super) fn find(
        &self,
        git: &gix::Repository,
        root: ObjectId,
    ) -> Result<Option<Entry>, ServiceError> {
        let mut found = Entry {
            name: BString::default(),
            kind: EntryKind::Tree,
            id: root,
        };
        for part in &self.0 {
            if found.kind != EntryKind::Tree {
                return Ok(None);
            }
            let folder = git.find_tree(found.id).map_err(unreadable)?;
            match find_entry(git, &folder.data, part.as_bytes())? {
                Some(entry) => found = entry,
                None => return Ok(None),
            }
        }
        Ok(Some(found))
    }
}

/// The root folder of a commit.
pub(super) fn root(git: &gix::Repository, commit: ObjectId) -> Result<ObjectId, ServiceError> {
    let commit = git.find_commit(commit).map_err(unreadable)?;
    Ok(commit.tree_id().map_err(unreadable)?.detach())
}

/// The entries of a folder, in Git's order.
pub(super) fn entries(git: &gix::Repository, folder: ObjectId) -> Result<Vec<Entry>, ServiceError> {
    let folder = git.find_tree(folder).map_err(unreadable)?;
    TreeRefIter::from_bytes(&folder.data, git.object_hash())
        .map(|entry| {
            let entry = entry.map_err(unreadable)?;
            Ok(Entry {
                name: entry.filename.to_owned(),
                kind: entry.mode.kind(),
                id: entry.oid.to_owned(),
            })
        })
        .collect()
}

fn find_entry(
    git: &gix::Repository,
    data: &[u8],
    name: &[u8],
) -> Result<Option<Entry>, ServiceError> {
    for entry in TreeRefIter::from_bytes(data, git.object_hash()) {
        let entry = entry.map_err(unreadable)?;
        if entry.filename == name {
            return Ok(Some(Entry {
                name: entry.filename.to_owned(),
                kind: entry.mode.kind(),
                id: entry.oid.to_owned(),
            }));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_at_either_end_of_a_path_means_nothing() {
        for path in ["a/b", "/a/b", "a/b/", "/a/b/"] {
            assert_eq!(RepositoryPath::parse(path).unwrap().text(), "a/b");
        }
        assert_eq!(RepositoryPath::parse("").unwrap().text(), "");
        assert_eq!(RepositoryPath::parse("/").unwrap().text(), "");
    }

    #[test]
    fn a_path_that_no_folder_can_have_is_invalid() {
        let long = "a/".repeat(2049);
        for path in ["//", "a//b", "./a", "a/..", "a\0b", long.as_str()] {
            assert_eq!(
                RepositoryPath::parse(path).unwrap_err().code,
                "InvalidPathException"
            );
        }
    }
}
