//! The blobs of a tree: each taken over or fetched once, verified, compressed, and handed on in the
//! order of the bundle, while later ones are already on their way.

mod shared;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;

use futures_util::{Stream, StreamExt, stream};
use gix_hash::ObjectId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument;

use crate::aws::codecommit::{LARGEST_FILE, Repository};
use crate::base::{Bases, Piece};
use crate::bundle::{Content, Wanted};
use crate::error::{CallError, Cause, Error, NoBundle, Unbundlable};
use crate::git::EntryKind;
use crate::room::{Line, Room, SMALL, Seat};
use crate::tree::{Entry, Tree};
use shared::{Round, Shared, Task};

/// Calls for blobs under way at once.
const BLOBS_IN_FLIGHT: usize = 64;

/// Entries that are begun before the one that the bundle waits for: enough that one slow answer
/// does not stop the others.
const WINDOW: usize = 2 * BLOBS_IN_FLIGHT;

/// The blobs of one tree.
pub struct Blobs(Arc<Inner>);

/// A content and the room it takes.
#[derive(Debug)]
pub struct Held {
    /// The content.
    pub content: Content,
    seat: Arc<Seat>,
}

struct Inner {
    repository: Repository,
    tree: Arc<Tree>,
    shared: HashMap<ObjectId, Shared>,
    /// What a base holds.
    pieces: HashMap<ObjectId, Piece>,
    line: Arc<Line>,
    kept: shared::Kept,
    in_flight: Arc<Semaphore>,
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
    pub fn of(repository: Repository, tree: Arc<Tree>, bases: &Bases, room: &Room) -> Self {
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
            repository,
            shared,
            pieces,
            line: room.line(),
            kept: shared::Kept::default(),
            in_flight: Arc::new(Semaphore::new(BLOBS_IN_FLIGHT)),
            compressing: Semaphore::new(available_parallelism().map_or(1, usize::from)),
            counts: Counts::default(),
            tree,
        }))
    }

    /// Every entry's position in the tree, in order, each blob with its content.
    pub fn in_order(
        &self,
    ) -> impl Stream<Item = Result<(usize, Option<Arc<Held>>), NoBundle>> + use<> {
        let (inner, line) = (self.0.clone(), self.0.line.clone());
        stream::iter(0..inner.tree.entries.len())
            .then(move |position| inner.clone().begin(position))
            .map(async |task| match task {
                (position, Some(task)) => Ok((position, Some(task.await?))),
                (position, None) => Ok((position, None)),
            })
            .buffered(WINDOW)
            .inspect(move |next| {
                if let Ok((position, _)) = next {
                    line.advance(position + 1);
                }
            })
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
    /// Begins one entry. Calls are begun in the order of the entries: a bundle never waits for one
    /// that has no permit while later ones, which have, wait for room.
    async fn begin(self: Arc<Self>, position: usize) -> (usize, Option<Task<Arc<Held>>>) {
        let entry = &self.tree.entries[position];
        let Some(shared) = self.shared.get(&entry.id).filter(|_| is_blob(entry)) else {
            return (position, None);
        };
        let (round, is_first) = shared.round(position);
        let permit = if is_first && !self.pieces.contains_key(&entry.id) {
            self.in_flight.clone().acquire_owned().await.ok()
        } else {
            None
        };
        let work = self.clone().content(entry.id, round, permit);
        let task = tokio::spawn(work.instrument(tracing::Span::current()));
        (position, Some(Task(task)))
    }

    async fn content(
        self: Arc<Self>,
        id: ObjectId,
        round: Arc<Round>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Arc<Held>, NoBundle> {
        let Some(shared) = self.shared.get(&id) else {
            return Err(NoBundle::Failed(Error::Panicked(format!("{id} is lost"))));
        };
        let entry = &self.tree.entries[round.position];
        let held = round
            .cell
            .get_or_try_init(|| self.get(entry, round.position, shared.wanted, permit))
            .await?
            .clone();
        shared.used(&round, &held, &self.kept);
        Ok(held)
    }

    async fn get(
        &self,
        entry: &Entry,
        position: usize,
        wanted: Wanted,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Arc<Held>, NoBundle> {
        let seat = Arc::new(self.line.seat(position));
        let taken = match self.pieces.get(&entry.id) {
            Some(piece) => self.take_over(piece, entry, &seat, wanted).await?,
            None => None,
        };
        // What cannot be taken over is fetched without a permit: it is part of the window, and
        // waiting for one out of order could go on for ever.
        let content = match taken {
            Some(content) => content,
            None => self.fetch(entry, &seat, wanted, permit).await?,
        };
        seat.shrink(content.held());
        let pointers = u64::from(content.is_lfs_pointer);
        self.counts
            .lfs_pointers
            .fetch_add(pointers, Ordering::Relaxed);
        Ok(Arc::new(Held { content, seat }))
    }

    /// One blob out of a base; `None`, with a warning, where it does not fit.
    async fn take_over(
        &self,
        piece: &Piece,
        entry: &Entry,
        seat: &Seat,
        wanted: Wanted,
    ) -> Result<Option<Content>, NoBundle> {
        let useless = |why: &str| {
            tracing::warn!(
                key = piece.key(),
                path = entry.path,
                why,
                "an earlier bundle's content cannot be taken over: it is fetched"
            );
        };
        let (compressed, size) = piece.sizes();
        if size > SMALL {
            // An error says that the room is gone, and with it whoever waits.
            let _ = seat.ask(2 * compressed + size).await;
        }
        let taken = match piece.take().await {
            Ok(Some(taken)) => taken,
            Ok(None) => return Ok(None),
            Err(error) => {
                useless(&error.to_string());
                return Ok(None);
            }
        };
        let id = entry.id;
        let work = move || Content::take_over(taken.kept(), &id, wanted);
        match self.on_a_thread(work).await? {
            Ok(content) => {
                self.counts.reused.fetch_add(1, Ordering::Relaxed);
                self.counts
                    .bytes_reused
                    .fetch_add(compressed as u64, Ordering::Relaxed);
                Ok(Some(content))
            }
            Err(why) => {
                useless(&why);
                Ok(None)
            }
        }
    }

    /// One blob whose bytes hash to its id; asked for once more where they do not.
    async fn fetch(
        &self,
        entry: &Entry,
        seat: &Arc<Seat>,
        wanted: Wanted,
        mut permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Content, NoBundle> {
        let mut came = String::new();
        for attempt in 1..=2 {
            let raw = self.raw(entry, seat).await?;
            let (id, bytes) = (entry.id, raw.len() as u64);
            let work = move || Content::verify(raw, &id, wanted);
            // The next call need not wait until this answer is compressed; a second attempt is
            // rare enough to go without.
            drop(permit.take());
            match self.on_a_thread(work).await? {
                Ok(content) => {
                    self.counts.fetched.fetch_add(1, Ordering::Relaxed);
                    self.counts
                        .bytes_fetched
                        .fetch_add(bytes, Ordering::Relaxed);
                    return Ok(content);
                }
                Err(id) => came = id,
            }
            tracing::debug!(
                path = entry.path,
                attempt,
                came,
                "a content is not the blob's"
            );
        }
        Err(NoBundle::Failed(Error::DamagedBlob {
            path: entry.path.clone(),
            expected: entry.id,
            came,
        }))
    }

    async fn raw(&self, entry: &Entry, seat: &Arc<Seat>) -> Result<Vec<u8>, NoBundle> {
        let answer = match entry.kind {
            EntryKind::Link => self.repository.blob(&entry.id, seat).await,
            _ => {
                let commit = &self.tree.commit;
                self.repository.file(commit, &entry.path, seat).await
            }
        };
        answer.map_err(|error| too_large_or(error, &entry.path))
    }

    /// Work for a processor rather than for the network.
    async fn on_a_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NoBundle> {
        let _permit = self.compressing.acquire().await;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| NoBundle::Failed(Error::Panicked(error.to_string())))
    }
}

fn is_blob(entry: &Entry) -> bool {
    match entry.kind {
        EntryKind::File | EntryKind::Executable | EntryKind::Link => true,
        EntryKind::Folder | EntryKind::Submodule => false,
    }
}

fn too_large_or(error: CallError, path: &str) -> NoBundle {
    if error.cause == Cause::TooLarge {
        return NoBundle::Unbundlable(Unbundlable::FileTooLarge {
            path: path.to_owned(),
            limit: LARGEST_FILE,
        });
    }
    NoBundle::Failed(error.into())
}
