//! The blobs of a tree: each fetched once, verified, compressed, and handed on in the order of the
//! bundle, while later ones are already on their way.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::available_parallelism;

use futures_util::{Stream, StreamExt, stream};
use gix_hash::ObjectId;
use tokio::sync::{OnceCell, Semaphore};

use crate::aws::codecommit::{LARGEST_FILE, Repository};
use crate::bundle::{Content, Wanted};
use crate::error::{CallError, Cause, Error, NoBundle, Unbundlable};
use crate::git::EntryKind;
use crate::tree::{Entry, Tree};

/// Calls for blobs under way at once.
const BLOBS_IN_FLIGHT: usize = 64;

/// Entries that are begun before the one that the bundle waits for: enough that one slow answer
/// does not stop the others.
const WINDOW: usize = 2 * BLOBS_IN_FLIGHT;

/// The blobs of one tree.
pub struct Blobs {
    repository: Repository,
    commit: ObjectId,
    shared: HashMap<ObjectId, Mutex<Shared>>,
    in_flight: Semaphore,
    /// One permit for each core: more threads would only take turns.
    compressing: Semaphore,
    fetched: AtomicU64,
    lfs_pointers: AtomicU64,
}

/// A blob that the tree names, once or under several paths.
struct Shared {
    wanted: Wanted,
    /// Entries that still need it; with the last one its bytes are let go.
    uses: usize,
    cell: Arc<OnceCell<Arc<Content>>>,
}

impl Blobs {
    /// Plans the fetch of everything that `tree` names.
    pub fn of(repository: Repository, tree: &Tree) -> Self {
        let mut shared: HashMap<ObjectId, Mutex<Shared>> = HashMap::new();
        for entry in tree.entries.iter().filter(|entry| is_blob(entry)) {
            let blob = shared
                .entry(entry.id)
                .or_insert_with(|| {
                    Mutex::new(Shared {
                        wanted: Wanted::default(),
                        uses: 0,
                        cell: Arc::default(),
                    })
                })
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner);
            blob.uses += 1;
            if entry.kind == EntryKind::Link {
                blob.wanted.as_link = true;
            } else {
                blob.wanted.as_file = true;
            }
        }
        Self {
            repository,
            commit: tree.commit,
            shared,
            in_flight: Semaphore::new(BLOBS_IN_FLIGHT),
            compressing: Semaphore::new(available_parallelism().map_or(1, usize::from)),
            fetched: AtomicU64::new(0),
            lfs_pointers: AtomicU64::new(0),
        }
    }

    /// Every entry in order, each blob with its content.
    pub fn in_order<'tree>(
        &'tree self,
        entries: &'tree [Entry],
    ) -> impl Stream<Item = Result<(&'tree Entry, Option<Arc<Content>>), NoBundle>> {
        stream::iter(entries)
            .map(async |entry| match self.shared.get(&entry.id) {
                Some(blob) if is_blob(entry) => {
                    let content = self.content(entry, blob).await?;
                    Ok((entry, Some(content)))
                }
                _ => Ok((entry, None)),
            })
            .buffered(WINDOW)
    }

    /// Blobs fetched so far.
    pub fn fetched(&self) -> u64 {
        self.fetched.load(Ordering::Relaxed)
    }

    /// Blobs among them that stand for files which Git LFS keeps elsewhere.
    pub fn lfs_pointers(&self) -> u64 {
        self.lfs_pointers.load(Ordering::Relaxed)
    }

    async fn content(&self, entry: &Entry, blob: &Mutex<Shared>) -> Result<Arc<Content>, NoBundle> {
        let (wanted, cell) = {
            let blob = blob.lock().unwrap_or_else(PoisonError::into_inner);
            (blob.wanted, blob.cell.clone())
        };
        let content = cell
            .get_or_try_init(|| self.fetch(entry, wanted))
            .await?
            .clone();
        let mut blob = blob.lock().unwrap_or_else(PoisonError::into_inner);
        blob.uses -= 1;
        if blob.uses == 0 {
            blob.cell = Arc::default();
        }
        Ok(content)
    }

    /// One blob whose bytes hash to its id; asked for once more where they do not.
    async fn fetch(&self, entry: &Entry, wanted: Wanted) -> Result<Arc<Content>, NoBundle> {
        let mut came = String::new();
        for attempt in 1..=2 {
            let raw = self.raw(entry).await?;
            let is_pointer = wanted.as_file && Content::is_lfs_pointer(&raw);
            match self.verify(raw, entry.id, wanted).await? {
                Ok(content) => {
                    self.fetched.fetch_add(1, Ordering::Relaxed);
                    self.lfs_pointers
                        .fetch_add(u64::from(is_pointer), Ordering::Relaxed);
                    return Ok(Arc::new(content));
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

    async fn raw(&self, entry: &Entry) -> Result<Vec<u8>, NoBundle> {
        let _permit = self.in_flight.acquire().await;
        let answer = match entry.kind {
            EntryKind::Link => self.repository.blob(&entry.id).await,
            _ => self.repository.file(&self.commit, &entry.path).await,
        };
        answer.map_err(|error| too_large_or(error, &entry.path))
    }

    async fn verify(
        &self,
        raw: Vec<u8>,
        id: ObjectId,
        wanted: Wanted,
    ) -> Result<Result<Content, String>, NoBundle> {
        let _permit = self.compressing.acquire().await;
        tokio::task::spawn_blocking(move || Content::verify(raw, &id, wanted))
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
