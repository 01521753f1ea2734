//! Earlier bundles of a repository, and what can be taken over from them: folders and contents are
//! known by their object ids, whatever path they had.
//!
//! A base is only ever an optimisation. Nothing in it is believed: a listing has to hash to the
//! tree's id, and a content to the blob's, as if CodeCommit had answered with it. Where there is no
//! base, or it is of no use, everything is fetched instead.

mod changes;
mod open;
mod plan;
mod run;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gix_hash::ObjectId;
use tokio::sync::Semaphore;

use crate::aws::s3::Bundles;
use crate::bundle::read::Data;
use crate::git::{self, TreeEntry};
use open::{another, open};
use plan::Plan;
pub use run::Piece;
use run::Source;

/// Ranges read at once.
const READS_IN_FLIGHT: usize = 8;

/// Where bases of a push may be.
#[derive(Clone, Debug)]
pub struct Candidates {
    /// What an earlier delivery of the same push left, if there may be something.
    pub partial: Option<String>,
    /// The bundle of what the reference pointed to before.
    pub before: Option<String>,
    /// What the keys of all bundles of the repository begin with.
    pub folder: String,
    /// What the keys begin with that hold no whole bundle.
    pub partials: String,
    /// The commit that is pushed.
    pub commit: ObjectId,
}

/// The bases of one push.
#[derive(Debug, Default)]
pub struct Bases {
    list: Vec<Base>,
    has_partial: bool,
    /// Folders that no base holds, made of one that does and of what changed since; by tree id.
    changed: HashMap<ObjectId, Vec<TreeEntry>>,
}

#[derive(Debug)]
struct Base {
    source: Arc<Source>,
    /// The commit it holds, and its root tree.
    commit: Option<ObjectId>,
    root: Option<ObjectId>,
    /// By tree id, as the bundle says; nothing has checked them.
    folders: HashMap<ObjectId, Vec<TreeEntry>>,
    /// By blob id, as the bundle says.
    blobs: HashMap<ObjectId, Blob>,
    /// Whether a warning has been given.
    is_doubted: AtomicBool,
}

#[derive(Clone, Debug)]
struct Blob {
    data: Data,
    as_link: bool,
}

impl Bases {
    /// Looks for bases and reads their directories.
    pub async fn find(bundles: &Bundles, candidates: &Candidates) -> Self {
        let reads = Arc::new(Semaphore::new(READS_IN_FLIGHT));
        let mut bases = Vec::new();
        if let Some(key) = &candidates.partial {
            bases.extend(open(bundles, key, &reads).await);
        }
        let has_partial = !bases.is_empty();
        let before = match &candidates.before {
            Some(key) => open(bundles, key, &reads).await,
            None => None,
        };
        match before {
            Some(base) => bases.push(base),
            None => {
                if let Some(key) = another(bundles, candidates).await {
                    bases.extend(open(bundles, &key, &reads).await);
                }
            }
        }
        Self {
            list: bases,
            has_partial,
            changed: HashMap::new(),
        }
    }

    /// Whether an earlier delivery of the same push left something.
    pub fn has_partial(&self) -> bool {
        self.has_partial
    }

    /// The entries of a folder, which hash to its tree id.
    pub fn folder(&self, id: &ObjectId) -> Option<Vec<TreeEntry>> {
        if let Some(entries) = self.changed.get(id) {
            return Some(entries.clone());
        }
        self.list.iter().find_map(|base| {
            let entries = base.folders.get(id)?;
            if git::tree_id(entries).as_ref() == Ok(id) {
                return Some(entries.clone());
            }
            if !base.is_doubted.swap(true, Ordering::Relaxed) {
                let key = base.source.key();
                tracing::warn!(
                    key,
                    "folders of an earlier bundle do not hash to their ids: they are fetched"
                );
            }
            None
        })
    }

    /// What is to be read for these blobs, which come in the order of their first use.
    pub fn plan<'a>(&self, blobs: impl Iterator<Item = &'a ObjectId>) -> HashMap<ObjectId, Piece> {
        let mut plans: Vec<_> = self
            .list
            .iter()
            .map(|base| Plan::of(base.source.clone()))
            .collect();
        for id in blobs {
            let held = self
                .list
                .iter()
                .zip(&mut plans)
                .find_map(|(base, plan)| Some((base.blobs.get(id)?, plan)));
            if let Some((blob, plan)) = held {
                plan.add(*id, blob.data.clone(), blob.as_link);
            }
        }
        plans.into_iter().flat_map(Plan::finish).collect()
    }
}
