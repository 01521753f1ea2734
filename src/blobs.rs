//! The blobs of a tree: each taken over or fetched once, verified, compressed, and handed on in the
//! order of the bundle, while later ones are already on their way.

mod get;
mod plan;
mod repeated;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::thread::available_parallelism;

use futures_util::{Stream, StreamExt, TryStreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;
use tracing::Instrument;
use zip::DateTime;

use crate::aws::codecommit::Repository;
use crate::aws::codecommit::concurrency;
use crate::base::Bases;
use crate::bundle::Content;
use crate::error::Error;
use crate::git::{Entry, EntryKind};
use crate::memory::{BundleBudget, MemoryBudget, Reservation};
use crate::tree::Tree;
use plan::{Group, Plan};
use repeated::Repeated;

/// Entries that are begun before the one that the bundle waits for: enough that one slow answer
/// does not stop the others.
const WINDOW: usize = 2 * concurrency::MOST;

/// The blobs of one tree.
pub struct Blobs {
    work: Arc<Work>,
    groups: Vec<Group>,
    to_fetch: usize,
}

/// One entry of the tree, ready to be written.
pub struct Ready {
    /// Its position in the tree.
    pub position: usize,
    /// What it is written with.
    pub content: Content,
    /// The memory that this takes is given back when it is dropped.
    _reservation: Option<Arc<Reservation>>,
}

/// What all tasks of a push need.
struct Work {
    repository: Repository,
    tree: Arc<Tree>,
    bases: Arc<Bases>,
    /// Of all entries.
    time: DateTime,
    repeated: Repeated,
    budget: Arc<BundleBudget>,
    /// For calls in flight, and how many permits there are in all.
    calls: Arc<Semaphore>,
    permits: AtomicUsize,
    /// One permit for each core: more threads would only take turns.
    compressing: Semaphore,
    counts: Mutex<Counts>,
}

/// What was done so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Blobs fetched, and their bytes.
    pub fetched: u64,
    pub bytes_fetched: u64,
    /// Blobs taken over from a base, and their bytes, still compressed.
    pub reused: u64,
    pub bytes_reused: u64,
    /// Blobs that stand for files which Git LFS keeps elsewhere.
    pub lfs_pointers: u64,
}

impl Blobs {
    /// Plans how to get everything that `tree` names.
    pub fn of(
        repository: Repository,
        tree: Arc<Tree>,
        bases: Arc<Bases>,
        time: DateTime,
        memory: &MemoryBudget,
    ) -> Self {
        let Plan { groups, to_fetch } = Plan::of(&tree, &bases);
        let permits = repository.in_flight();
        let work = Work {
            calls: Arc::new(Semaphore::new(permits)),
            permits: AtomicUsize::new(permits),
            repository,
            tree,
            bases,
            time,
            repeated: Repeated::of(&to_fetch),
            budget: memory.bundle(),
            compressing: Semaphore::new(available_parallelism().map_or(1, usize::from)),
            counts: Mutex::default(),
        };
        Self {
            work: Arc::new(work),
            groups,
            to_fetch: to_fetch.len(),
        }
    }

    /// Every entry of the tree, in order.
    pub fn in_order(&mut self) -> impl Stream<Item = Result<Ready, Error>> + use<> {
        let (work, budget) = (self.work.clone(), self.work.budget.clone());
        stream::iter(std::mem::take(&mut self.groups))
            .then(move |group| work.clone().begin(group))
            .buffered(WINDOW)
            .map_ok(move |group| {
                if let Some(last) = group.last() {
                    budget.advance(last.position + 1);
                }
                stream::iter(group.into_iter().map(Ok))
            })
            .try_flatten()
    }

    /// Blobs that no base holds, at the beginning.
    pub fn to_fetch(&self) -> usize {
        self.to_fetch
    }

    /// What was done so far.
    pub fn counts(&self) -> Counts {
        *self.work.counts.lock()
    }
}

impl Work {
    /// Begins one group. Calls are begun in the order of the entries: a bundle never waits for one
    /// that has no permit while later ones, which have, wait for memory.
    async fn begin(
        self: Arc<Self>,
        group: Group,
    ) -> impl Future<Output = Result<Vec<Ready>, Error>> {
        let first = group.positions.start;
        let entry = self.tree.entries.get(first);
        // Only a group's first entry can be one that no base holds.
        let needs_call = is_blob(&entry) && self.bases.content(&entry).is_none();
        let (mut fetch, mut permit) = (None, None);
        if needs_call {
            fetch = self.repeated.fetch(&entry.id, first);
            if fetch.as_ref().is_none_or(|fetch| fetch.first == first) {
                permit = self.permit().await;
            }
        }
        let work = async move {
            let mut ready = Vec::with_capacity(group.positions.len());
            for position in group.positions {
                ready.push(match fetch.take() {
                    Some(fetch) => self.get_repeated(position, &fetch, permit.take()).await?,
                    None => {
                        self.get(position, first, group.read.as_ref(), permit.take())
                            .await?
                    }
                });
            }
            Ok(ready)
        };
        Task(tokio::spawn(work.instrument(tracing::Span::current())))
    }

    /// A permit for a call, first come, first served; as many as CodeCommit is known to bear.
    async fn permit(&self) -> Option<Permit> {
        let wanted = self.repository.in_flight();
        let before = self.permits.fetch_max(wanted, Ordering::Relaxed);
        self.calls.add_permits(wanted.saturating_sub(before));
        // Neither semaphore is ever closed.
        let of_this_push = self.calls.clone().acquire_owned().await.ok()?;
        let of_all_pushes = concurrency::OF_ALL_PUSHES.acquire().await.ok()?;
        Some((of_this_push, of_all_pushes))
    }
}

/// For one call in flight: a permit of its push, and one of all pushes.
type Permit = (OwnedSemaphorePermit, SemaphorePermit<'static>);

/// A task that ends when nobody waits for it any more.
struct Task<T>(JoinHandle<Result<T, Error>>);

impl<T> Future for Task<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let ended = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(ended.unwrap_or_else(|error| Err(Error::Panicked(error.to_string()))))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn is_blob(entry: &Entry<'_>) -> bool {
    match entry.kind {
        EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Link => true,
        EntryKind::Tree | EntryKind::Commit => false,
    }
}
