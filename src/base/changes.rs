//! Lays what changed since a base over the base's folders, so that the folders on the way to a change
//! need not be listed one after the other.
//!
//! A folder made in this way is found by its tree id, like one that a base holds. If the base or the
//! list of changes is wrong or incomplete, the ids are others, which no tree names, and the folders
//! are listed as if there had been no list. So it does not matter what the documentation leaves open
//! about GetDifferences: its order, its pages, links and submodules in it.

use std::collections::{BTreeMap, HashMap};

use gix_hash::ObjectId;

use super::{Base, Bases};
use crate::git::{self, Change, EntryKind, TreeEntry};

/// Levels of folders that are followed: more than `tree::walk` lets pass.
const DEEPEST: usize = 256;

type Now = Option<(EntryKind, ObjectId)>;

/// What changed at one name of a folder.
#[derive(Default)]
struct Changed<'a> {
    /// The entry itself.
    itself: Option<Now>,
    /// What is in it, by the rest of the path.
    within: Vec<(&'a str, Now)>,
}

impl Bases {
    /// The commit of the whole bundle among them, which is the last.
    pub fn commit(&self) -> Option<ObjectId> {
        self.list.last()?.tail.commit
    }

    /// Whether [`Self::folder`] should know this folder, as the bundles say.
    pub fn may_hold(&self, folder: &ObjectId) -> bool {
        self.changed.contains_key(folder) || self.list.iter().any(|base| base.has_folder(folder))
    }

    /// Makes the folders that these changes since [`Self::commit`] lead to.
    pub fn lay_over(&mut self, changes: &[Change]) {
        let Some(base) = self.list.last() else {
            return;
        };
        let changes = changes
            .iter()
            .map(|change| (change.path.as_str(), change.now))
            .collect();
        lay_over(base, base.tail.tree.as_ref(), changes, 0, &mut self.changed);
    }
}

/// The id of a folder with these changes in it; `None` where nothing is left in it.
fn lay_over(
    base: &Base,
    folder: Option<&ObjectId>,
    changes: Vec<(&str, Now)>,
    depth: usize,
    made: &mut HashMap<ObjectId, Vec<TreeEntry>>,
) -> Option<ObjectId> {
    if depth > DEEPEST {
        return None;
    }
    let mut by_name: BTreeMap<&str, Changed<'_>> = BTreeMap::new();
    for (path, now) in changes {
        match path.split_once('/') {
            Some((name, rest)) => by_name.entry(name).or_default().within.push((rest, now)),
            None => by_name.entry(path).or_default().itself = Some(now),
        }
    }
    let known = folder.and_then(|id| base.folder(id));
    let known = known.as_deref();
    let mut entries = Vec::new();
    let mut folders = HashMap::new();
    for entry in known.into_iter().flatten() {
        if !by_name.contains_key(entry.name.as_str()) {
            entries.push(entry.clone());
        } else if entry.kind == EntryKind::Tree {
            folders.insert(entry.name.as_str(), &entry.id);
        }
    }
    for (name, Changed { itself, within }) in by_name {
        let was = folders.get(name).copied();
        // A file may have become a folder, and a folder a file.
        let now = itself.flatten().or_else(|| {
            let id = lay_over(base, was, within, depth + 1, made)?;
            Some((EntryKind::Tree, id))
        });
        entries.extend(now.map(|(kind, id)| TreeEntry {
            name: name.to_owned(),
            kind,
            id,
        }));
    }
    // Git keeps no empty folder but the root.
    if entries.is_empty() && depth > 0 {
        return None;
    }
    let id = git::tree_id(&entries).ok()?;
    made.insert(id, entries);
    Some(id)
}
