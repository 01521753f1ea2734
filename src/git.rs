//! What Git says a tree and a blob are, and how their ids come about.
//!
//! An object's id is the hash of its kind, its length and its bytes, so an answer from CodeCommit
//! that hashes to the id that was asked for is the pushed object itself.

use gix_hash::{Kind as HashKind, ObjectId};
use gix_object::tree::{Entry as GitEntry, EntryKind as GitEntryKind};
use gix_object::{Kind as ObjectKind, Tree, WriteTo};

/// One entry of a folder, as Git's tree object holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// The name within its folder.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// The id of its blob or tree, or of a submodule's commit.
    pub id: ObjectId,
}

/// One entry by its full path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// From the root, with slashes, without one at the end.
    pub path: &'a str,
    /// What it is.
    pub kind: EntryKind,
    /// The id of its blob, tree or commit.
    pub id: ObjectId,
}

impl Entry<'_> {
    /// The name in a bundle: a folder's ends with a slash.
    pub fn name_bytes(&self) -> impl Iterator<Item = u8> + '_ {
        let slash =
            (self.kind == EntryKind::Folder || self.kind == EntryKind::Submodule).then_some(b'/');
        self.path.bytes().chain(slash)
    }
}

/// What became of one path between two commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// From the root, with slashes; never a folder's.
    pub path: String,
    /// What is there now; `None` where nothing is.
    pub now: Option<(EntryKind, ObjectId)>,
}

/// What an entry is. Git knows no other kinds, but for the modes of very old repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A plain file, mode 100644.
    File,
    /// A file to execute, mode 100755.
    Executable,
    /// A symbolic link whose blob is its target, mode 120000.
    Link,
    /// A folder, mode 040000.
    Folder,
    /// Another repository's commit, mode 160000.
    Submodule,
}

impl From<EntryKind> for GitEntryKind {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::File => Self::Blob,
            EntryKind::Executable => Self::BlobExecutable,
            EntryKind::Link => Self::Link,
            EntryKind::Folder => Self::Tree,
            EntryKind::Submodule => Self::Commit,
        }
    }
}

/// The id of the tree object that holds exactly these entries, in whatever order they come.
///
/// # Errors
///
/// Words for entries that no tree can hold.
pub fn tree_id(entries: &[TreeEntry]) -> Result<ObjectId, String> {
    let mut tree = Tree {
        entries: entries
            .iter()
            .map(|entry| GitEntry {
                mode: GitEntryKind::from(entry.kind).into(),
                filename: entry.name.as_str().into(),
                oid: entry.id,
            })
            .collect(),
    };
    tree.entries.sort();
    let mut bytes = Vec::new();
    tree.write_to(&mut bytes)
        .map_err(|error| error.to_string())?;
    hash(ObjectKind::Tree, &bytes)
}

/// The id of the blob that holds exactly this content.
///
/// # Errors
///
/// Words for a content that was made to collide with another.
pub fn blob_id(content: &[u8]) -> Result<ObjectId, String> {
    hash(ObjectKind::Blob, content)
}

fn hash(kind: ObjectKind, bytes: &[u8]) -> Result<ObjectId, String> {
    gix_object::compute_hash(HashKind::Sha1, kind, bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(hex: &str) -> ObjectId {
        ObjectId::from_hex(hex.as_bytes()).unwrap()
    }

    // Ids below are `git hash-object` and `git mktree`'s own.

    #[test]
    fn a_blob_has_gits_id() {
        assert_eq!(
            blob_id(b""),
            Ok(id("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"))
        );
        assert_eq!(
            blob_id(b"hello\n"),
            Ok(id("ce013625030ba8dba906f756967f9e9ca394464a"))
        );
    }

    #[test]
    fn an_empty_tree_has_gits_id() {
        assert_eq!(
            tree_id(&[]),
            Ok(id("4b825dc642cb6eb9a060e54bf8d69288fbee4904"))
        );
    }

    #[test]
    fn the_order_of_the_answer_does_not_matter() {
        let entry = |name: &str, kind| TreeEntry {
            name: name.to_owned(),
            kind,
            id: id("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
        };
        let mut entries = vec![
            entry("a", EntryKind::File),
            entry("a.b", EntryKind::Executable),
            entry("b", EntryKind::Link),
        ];
        let forwards = tree_id(&entries);
        entries.reverse();
        assert_eq!(tree_id(&entries), forwards);
    }

    #[test]
    fn a_name_with_a_null_byte_has_no_tree() {
        let entry = TreeEntry {
            name: "a\0b".to_owned(),
            kind: EntryKind::File,
            id: id("e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),
        };
        assert!(tree_id(&[entry]).is_err());
    }
}
