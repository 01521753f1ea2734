//! The comparison of two trees, as `git diff-tree -r --no-renames` makes it.

use std::cmp::Ordering;

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::objs::tree::{EntryKind, name_order};
use serde_json::{Value, json};

use super::tree::{self, Entry};
use crate::error::ServiceError;

/// What is compared: an entry of either side, a folder as a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Question {
    pub(super) before: Option<Entry>,
    pub(super) after: Option<Entry>,
}

/// One file, link or submodule that differs.
#[derive(Debug)]
pub(super) struct Difference {
    before: Option<Leaf>,
    after: Option<Leaf>,
}

#[derive(Debug)]
struct Leaf {
    path: BString,
    kind: EntryKind,
    id: ObjectId,
}

/// Walks both sides folder by folder, skipping what is the same in both.
pub(super) fn compare(
    git: &gix::Repository,
    question: &Question,
) -> Result<Vec<Difference>, ServiceError> {
    let mut walk = Walk::default();
    walk.pair(
        BStr::new(""),
        question.before.clone(),
        question.after.clone(),
    );
    // No recursion: how deep a repository's folders go is not ours to limit.
    while let Some((folder, [before, after])) = walk.folders.pop() {
        let side =
            |id: Option<ObjectId>| id.map_or_else(|| Ok(Vec::new()), |id| tree::entries(git, id));
        let mut before = side(before)?.into_iter().peekable();
        let mut after = side(after)?.into_iter().peekable();
        loop {
            let order = match (before.peek(), after.peek()) {
                (None, None) => break,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(b), Some(a)) => name_order(&b.name, is_tree(b), &a.name, is_tree(a)),
            };
            let b = if order.is_le() { before.next() } else { None };
            let a = if order.is_ge() { after.next() } else { None };
            walk.pair(folder.as_bstr(), b, a);
        }
    }
    // Git's order of whole paths is that of their bytes.
    walk.found.sort_by(|a, b| a.path().cmp(&b.path()));
    Ok(walk.found)
}

/// A folder's path, and its tree before and after.
type Folder = (BString, [Option<ObjectId>; 2]);

#[derive(Default)]
struct Walk {
    folders: Vec<Folder>,
    found: Vec<Difference>,
}

impl Walk {
    /// Takes up two entries of one name; either may be missing, and either may be a folder.
    fn pair(&mut self, folder: &BStr, before: Option<Entry>, after: Option<Entry>) {
        let same = |b: &Entry, a: &Entry| b.id == a.id && b.kind == a.kind;
        if before
            .as_ref()
            .zip(after.as_ref())
            .is_some_and(|(b, a)| same(b, a))
        {
            return;
        }
        let (before_tree, before) = split(folder, before);
        let (after_tree, after) = split(folder, after);
        if let Some((path, _)) = before_tree.as_ref().or(after_tree.as_ref()) {
            let trees = [&before_tree, &after_tree].map(|tree| tree.as_ref().map(|(_, id)| *id));
            self.folders.push((path.clone(), trees));
        }
        if before.is_some() || after.is_some() {
            self.found.push(Difference { before, after });
        }
    }
}

/// A folder's path and tree, or else the leaf that an entry is.
fn split(folder: &BStr, entry: Option<Entry>) -> (Option<(BString, ObjectId)>, Option<Leaf>) {
    match entry {
        None => (None, None),
        Some(Entry { name, kind, id }) => {
            let path = join(folder, name.as_bstr());
            match kind {
                EntryKind::Tree => (Some((path, id)), None),
                kind => (None, Some(Leaf { path, kind, id })),
            }
        }
    }
}

pub(super) fn is_tree(entry: &Entry) -> bool {
    entry.kind == EntryKind::Tree
}

fn join(folder: &BStr, name: &BStr) -> BString {
    let slash: &[u8] = if folder.is_empty() { b"" } else { b"/" };
    [folder.as_bytes(), slash, name.as_bytes()].concat().into()
}

impl Difference {
    fn path(&self) -> Option<&BString> {
        self.before
            .as_ref()
            .or(self.after.as_ref())
            .map(|leaf| &leaf.path)
    }

    pub(super) fn json(&self) -> Value {
        let blob = |leaf: &Leaf| {
            json!({
                "blobId": leaf.id.to_string(),
                "path": leaf.path.to_str_lossy(),
                "mode": format!("{:o}", leaf.kind as u16),
            })
        };
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => {
                json!({"beforeBlob": blob(before), "afterBlob": blob(after), "changeType": "M"})
            }
            (Some(before), None) => json!({"beforeBlob": blob(before), "changeType": "D"}),
            (None, after) => {
                json!({"afterBlob": after.as_ref().map(blob), "changeType": "A"})
            }
        }
    }
}
