//! Git's trees and blobs, and how their ids are computed.
//!
//! An object's id is the hash of its kind, its length and its bytes, so an answer from CodeCommit
//! that hashes to the id that was asked for is the pushed object itself.

use gix_hash::{Kind as HashKind, ObjectId};
use gix_object::tree::Entry as GitEntry;
use gix_object::{Kind as ObjectKind, Tree, WriteTo};

/// What an entry is: a file, an executable file, a link, a folder (`Tree`), or a submodule (`Commit`).
pub use gix_object::tree::EntryKind;

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
        let slash = matches!(self.kind, EntryKind::Tree | EntryKind::Commit).then_some(b'/');
        self.path.bytes().chain(slash)
    }
}

/// How one path differs between two commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// From the root, with slashes; never a folder's.
    pub path: String,
    /// What is there now; `None` where it was removed.
    pub now: Option<(EntryKind, ObjectId)>,
}

/// The id of the tree object that holds exactly these entries, in any order.
///
/// # Errors
///
/// Why no tree can hold these entries.
pub fn tree_id(entries: &[TreeEntry]) -> Result<ObjectId, String> {
    let entries = entries.iter().map(|entry| GitEntry {
        mode: entry.kind.into(),
        filename: entry.name.as_str().into(),
        oid: entry.id,
    });
    let mut tree = Tree {
        entries: entries.collect(),
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
/// The content was made to collide with another one's hash.
pub fn blob_id(content: &[u8]) -> Result<ObjectId, String> {
    hash(ObjectKind::Blob, content)
}

fn hash(kind: ObjectKind, bytes: &[u8]) -> Result<ObjectId, String> {
    gix_object::compute_hash(HashKind::Sha1, kind, bytes).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    // The ids are those of `git hash-object` and `git mktree`.
    const EMPTY_BLOB: &str = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391";

    fn entry(name: &str, kind: EntryKind) -> TreeEntry {
        TreeEntry {
            name: name.to_owned(),
            kind,
            id: ObjectId::from_hex(EMPTY_BLOB.as_bytes()).unwrap(),
        }
    }

    #[test]
    fn blobs_and_trees_have_gits_ids() {
        use EntryKind::{Blob, BlobExecutable, Link, Tree};
        let tree = [
            entry("a", Tree),
            entry("b", Link),
            entry("a0", BlobExecutable),
            entry("a.b", Blob),
        ];
        for (id, expected) in [
            (blob_id(b""), EMPTY_BLOB),
            (
                blob_id(b"hello\n"),
                "ce013625030ba8dba906f756967f9e9ca394464a",
            ),
            (tree_id(&[]), "4b825dc642cb6eb9a060e54bf8d69288fbee4904"),
            (tree_id(&tree), "3edbdffbc333233d78f307ea976fa5d86709e3a0"),
        ] {
            assert_eq!(id.unwrap().to_string(), expected);
        }
    }

    #[test]
    fn a_name_with_a_null_byte_has_no_tree() {
        assert!(tree_id(&[entry("a\0b", EntryKind::Blob)]).is_err());
    }
}
