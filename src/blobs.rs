//! The blobs of a tree: each taken over or fetched once, verified, compressed, and handed on in the
//! order of the bundle, while later ones are already on their way.

mod flight;
mod get;
mod shared;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use gix_hash::ObjectId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument;

use crate::aws::codecommit::Repository;
use crate::aws::codecommit::concurrency;
use crate::base::{Bases, Piece};
use crate::bundle::Content;
use crate::error::{Error, NoBundle};
use crate::git::{Entry, EntryKind};
use crate::memory::{BundleBudget, MemoryBudget, Reservation, SMALL};
use crate::tree::Tree;
use flight::Flight;
use shared::{Round, Shared, Task};

/// Entries that are begun before the one that the bundle waits for: enough that one slow answer
/// does not stop the others.
const WINDOW: usize = 2 * concurrency::MOST;

/// The blobs of one tree.
pub struct Blobs(Arc<Inner>);

/// A content and the memory it takes.
#[derive(Debug)]
pub struct Held {
    /// The content.
    pub content: Content,
    reservation: Arc<Reservation>,
}

struct Inner {
    repository: Repository,
    tree: Arc<Tree>,
    shared: HashMap<ObjectId, Shared>,
    /// What a base holds.
    pieces: HashMap<ObjectId, Piece>,
    budget: Arc<BundleBudget>,
    kept: shared::Kept,
    flight: Flight,
    /// One permit for each core: more threads would only take turns.
    compressing: Semaphore,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    fetched: AtomicU64,
    bytes_fetched: AtomicU64,
    reused: AtomicU64,
    bytes_reused: AtomicU64,
    lfs_pointers: AtomicU64,
}

impl Blobs {
    /// Plans how to get everything that `tree` names.
    pub fn of(
        repository: Repository,
        tree: Arc<Tree>,
        bases: &Bases,
        memory: &MemoryBudget,
    ) -> Self {
        let mut shared: HashMap<ObjectId, Shared> = HashMap::new();
        let mut in_order = Vec::new();
        for entry in tree.entries.iter().filter(|entry| is_blob(entry)) {
            shared
                .entry(entry.id)
                .or_insert_with(|| {
                    in_order.push(&entry.id);
                    Shared::default()
                })
                .add_use(entry.kind == EntryKind::Link);
        }
        let pieces = bases.plan(in_order.into_iter());
        Self(Arc::new(Inner {
            flight: Flight::of(repository.in_flight()),
            repository,
            shared,
            pieces,
            budget: memory.bundle(),
            kept: shared::Kept::default(),
            compressing: Semaphore::new(available_parallelism().map_or(1, usize::from)),
            counts: Counts::default(),
            tree,
        }))
    }

    /// Every entry's position in the tree, in order, each blob with its content.
    pub fn in_order(
        &self,
    ) -> impl Stream<Item = Result<(usize, Option<Arc<Held>>), NoBundle>> + use<> {
        let (inner, budget) = (self.0.clone(), self.0.budget.clone());
        stream::iter(inner.groups())
            .then(move |group| inner.clone().begin(group))
            .buffered(WINDOW)
            .map_ok(move |group| {
                if let Some((last, _)) = group.last() {
                    budget.advance(last + 1);
                }
                stream::iter(group.into_iter().map(Ok))
            })
            .try_flatten()
    }

    /// Blobs that no base holds, at the beginning.
    pub fn to_fetch(&self) -> usize {
        self.0.shared.len() - self.0.pieces.len()
    }

    /// Blobs fetched so far.
    pub fn fetched(&self) -> u64 {
        self.0.counts.fetched.load(Ordering::Relaxed)
    }

    /// Bytes of the blobs fetched so far.
    pub fn bytes_fetched(&self) -> u64 {
        self.0.counts.bytes_fetched.load(Ordering::Relaxed)
    }

    /// Blobs taken over from a base so far.
    pub fn reused(&self) -> u64 {
        self.0.counts.reused.load(Ordering::Relaxed)
    }

    /// Bytes taken over from a base so far, still compressed.
    pub fn bytes_reused(&self) -> u64 {
        self.0.counts.bytes_reused.load(Ordering::Relaxed)
    }

    /// Blobs so far that stand for files which Git LFS keeps elsewhere.
    pub fn lfs_pointers(&self) -> u64 {
        self.0.counts.lfs_pointers.load(Ordering::Relaxed)
    }
}

impl Inner {
    /// All entries in order, in groups that one task each sees to. Neighbours that cost no call
    /// share a task as long as all of them together are [`SMALL`]: a task for each would cost more
    /// than what it does.
    fn groups(&self) -> Vec<Range<usize>> {
        let mut groups: Vec<Range<usize>> = Vec::new();
        let mut group_left = 0_usize;
        for (position, entry) in self.tree.entries.iter().enumerate() {
            let piece = self.pieces.get(&entry.id);
            let bytes = match piece.filter(|_| is_blob(entry)) {
                Some(piece) => Some(piece.sizes().1),
                None if is_blob(entry) => None,
                None => Some(0),
            };
            let left = bytes.and_then(|bytes| group_left.checked_sub(bytes));
            if let (Some(left), Some(group)) = (left, groups.last_mut()) {
                group_left = left;
                group.end = position + 1;
            } else {
                group_left = bytes.map_or(0, |bytes| SMALL.saturating_sub(bytes));
                groups.push(position..position + 1);
            }
        }
        groups
    }

    /// Begins one group. Calls are begun in the order of the entries: a bundle never waits for one
    /// that has no permit while later ones, which have, wait for memory.
    async fn begin(self: Arc<Self>, group: Range<usize>) -> impl Future<Output = Got> {
        let mut permit = None;
        let mut parts = Vec::with_capacity(group.len());
        for position in group.clone() {
            let entry = &self.tree.entries[position];
            let shared = self.shared.get(&entry.id).filter(|_| is_blob(entry));
            let Some(shared) = shared else {
                parts.push((position, None));
                continue;
            };
            let (round, is_first) = shared.round(position, group.start);
            if is_first && !self.pieces.contains_key(&entry.id) {
                permit = self.flight.permit().await;
            }
            parts.push((position, Some(round)));
        }
        let work = self.get_group(parts, permit);
        Task(tokio::spawn(work.instrument(tracing::Span::current())))
    }

    async fn get_group(
        self: Arc<Self>,
        parts: Vec<(usize, Option<Arc<Round>>)>,
        mut permit: Option<OwnedSemaphorePermit>,
    ) -> Got {
        let mut group = Vec::with_capacity(parts.len());
        for (position, round) in parts {
            let held = match round {
                Some(round) => Some(self.content(position, &round, permit.take()).await?),
                None => None,
            };
            group.push((position, held));
        }
        Ok(group)
    }

    async fn content(
        &self,
        position: usize,
        round: &Arc<Round>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Arc<Held>, NoBundle> {
        let id = &self.tree.entries[position].id;
        let Some(shared) = self.shared.get(id) else {
            return Err(NoBundle::Failed(Error::Panicked(format!("{id} is lost"))));
        };
        let entry = &self.tree.entries[round.position];
        let held = round
            .cell
            .get_or_try_init(|| self.get(entry, round.turn, shared.wanted, permit))
            .await?
            .clone();
        shared.used(round, &held, &self.kept);
        Ok(held)
    }
}

/// Entries by their position in the tree, each blob with its content.
type Got = Result<Vec<(usize, Option<Arc<Held>>)>, NoBundle>;

fn is_blob(entry: &Entry) -> bool {
    match entry.kind {
        EntryKind::File | EntryKind::Executable | EntryKind::Link => true,
        EntryKind::Folder | EntryKind::Submodule => false,
    }
}
