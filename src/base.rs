//! Earlier bundles of a repository, and what can be taken over from them: folders and contents are
//! known by their object ids, whatever path they had.
//!
//! A base is only ever an optimisation. Nothing in it is believed: a listing has to hash to the
//! tree's id, and a content to the blob's, as if CodeCommit had answered with it. Where there is no
//! base, or it is of no use, everything is fetched instead.

mod changes;
mod open;
mod read;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gix_hash::ObjectId;
use tokio::sync::Semaphore;

use crate::aws::codecommit::admission::LARGEST_FILE;
use crate::aws::s3::{Bundles, Tail};
use crate::bundle::read::Directory;
use crate::git::{self, Entry, EntryKind, TreeEntry};
use crate::keys::Keys;
use crate::memory::TreeReservation;
use open::{another, open};

/// Ranges read at once.
const READS_IN_FLIGHT: usize = 8;

/// The bases of one push.
#[derive(Debug, Default)]
pub struct Bases {
    list: Vec<Arc<Base>>,
    /// Folders made of a base's folders and of what changed since, by tree id.
    changed: HashMap<ObjectId, Vec<TreeEntry>>,
}

/// One base.
#[derive(Debug)]
pub struct Base {
    bundles: Bundles,
    /// Its end, which was read to find its directory, and what it says of itself.
    tail: Tail,
    /// Permits for reads, shared by the bases of a push.
    reads: Arc<Semaphore>,
    /// Its entries, and where they are.
    pub directory: Directory,
    /// Positions of folders by tree id, and of blobs by blob id, as the bundle says: unverified.
    folders: HashMap<ObjectId, usize>,
    blobs: HashMap<ObjectId, usize>,
    /// Whether a warning has been given.
    is_doubted: AtomicBool,
}

/// An entry's content in a base.
#[derive(Clone, Debug)]
pub struct BaseEntry {
    pub base: Arc<Base>,
    /// Which of its entries has the content.
    pub index: usize,
    /// Whether that entry can be copied as it is.
    pub is_same: bool,
}

impl Bases {
    /// Looks for bases and reads their directories.
    pub async fn find(
        bundles: &Bundles,
        keys: &Keys,
        redelivered: bool,
        memory: &mut TreeReservation,
    ) -> Self {
        let reads = Arc::new(Semaphore::new(READS_IN_FLIGHT));
        let mut bases = Vec::new();
        if redelivered {
            bases.extend(open(bundles, &keys.partial, &reads, memory).await);
        }
        let mut whole = None;
        if let Some(before) = &keys.before {
            whole = open(bundles, before, &reads, memory).await;
        }
        if whole.is_none()
            && let Some(key) = another(bundles, keys).await
        {
            whole = open(bundles, &key, &reads, memory).await;
        }
        bases.extend(whole);
        if bases.is_empty() {
            memory.clear();
        }
        Self {
            list: bases.into_iter().map(Arc::new).collect(),
            changed: HashMap::new(),
        }
    }

    /// Whether nothing can be taken over.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The entries of a folder, which hash to its tree id.
    pub fn folder(&self, id: &ObjectId) -> Option<Vec<TreeEntry>> {
        if let Some(entries) = self.changed.get(id) {
            return Some(entries.clone());
        }
        self.list.iter().find_map(|base| {
            let entries = base.folder(id)?;
            if git::tree_id(&entries).as_ref() == Ok(id) {
                return Some(entries);
            }
            if !base.is_doubted.swap(true, Ordering::Relaxed) {
                tracing::warn!(
                    key = base.key(),
                    "folders of an earlier bundle do not hash to their ids: they are fetched"
                );
            }
            None
        })
    }

    /// Where a base holds an entry's content: in the same entry if possible, or else in another one.
    pub fn content(&self, entry: &Entry<'_>) -> Option<BaseEntry> {
        let held = |base: &Arc<Base>, index, is_same| {
            let is_small = base.directory.sizes(index).1 as u64 <= LARGEST_FILE;
            is_small.then(|| BaseEntry {
                base: base.clone(),
                index,
                is_same,
            })
        };
        let same = self.list.iter().find_map(|base| {
            let index = base.directory.find(entry)?;
            held(base, index, base.tail.is_our_format)
        });
        same.or_else(|| {
            self.list
                .iter()
                .find_map(|base| held(base, *base.blobs.get(&entry.id)?, false))
        })
    }
}

impl Base {
    /// A folder's entries, as the bundle says: unverified.
    fn folder(&self, id: &ObjectId) -> Option<Vec<TreeEntry>> {
        let listed = self.directory.listed();
        let (mut next, end, prefix) = if Some(*id) == self.tail.tree {
            (0, listed.len(), 0)
        } else {
            let folder = *self.folders.get(id)?;
            let path = self.directory.path(folder);
            (folder + 1, listed.get(folder)?.end, path.len() + 1)
        };
        let mut entries = Vec::new();
        while next < end {
            let entry = &listed[next];
            let path = self.directory.path(next);
            entries.push(TreeEntry {
                name: path.get(prefix..)?.to_owned(),
                kind: entry.kind,
                id: entry.id,
            });
            next = if entry.kind == EntryKind::Tree {
                entry.end
            } else {
                next + 1
            };
        }
        Some(entries)
    }

    /// Whether it says that it holds this folder.
    fn has_folder(&self, id: &ObjectId) -> bool {
        Some(*id) == self.tail.tree || self.folders.contains_key(id)
    }
}
