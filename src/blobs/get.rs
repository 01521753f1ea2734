//! How one blob is got: out of a base where one holds it, or else from CodeCommit.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::OwnedSemaphorePermit;

use super::{Held, Inner};
use crate::aws::codecommit::admission::LARGEST_FILE;
use crate::base::Piece;
use crate::bundle::{Content, Wanted};
use crate::error::{CallError, Cause, Error, NoBundle, Unbundlable};
use crate::git::{Entry, EntryKind};
use crate::memory::{Reservation, SMALL};

impl Inner {
    pub(super) async fn get(
        &self,
        entry: &Entry,
        turn: usize,
        wanted: Wanted,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Arc<Held>, NoBundle> {
        let reservation = Arc::new(self.budget.reservation(turn));
        let taken = match self.pieces.get(&entry.id) {
            Some(piece) => self.take_over(piece, entry, &reservation, wanted).await?,
            None => None,
        };
        // What cannot be taken over is fetched without a permit: it is part of the window, and
        // waiting for one out of order could go on for ever.
        let content = match taken {
            Some(content) => content,
            None => self.fetch(entry, &reservation, wanted, permit).await?,
        };
        reservation.shrink(content.held());
        let pointers = u64::from(content.is_lfs_pointer);
        self.counts
            .lfs_pointers
            .fetch_add(pointers, Ordering::Relaxed);
        Ok(Arc::new(Held {
            content,
            reservation,
        }))
    }

    /// One blob out of a base; `None`, with a warning, where it does not fit.
    async fn take_over(
        &self,
        piece: &Piece,
        entry: &Entry,
        reservation: &Reservation,
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
            // An error says that the budget is gone, and with it the reader.
            let _ = reservation.request(2 * compressed + size).await;
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
        let content = if size > SMALL {
            self.on_a_thread(work).await?
        } else {
            // To hand it over would cost more than to do it, and the tasks are on all cores.
            work()
        };
        match content {
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
        reservation: &Arc<Reservation>,
        wanted: Wanted,
        mut permit: Option<OwnedSemaphorePermit>,
    ) -> Result<Content, NoBundle> {
        let mut came = String::new();
        for attempt in 1..=2 {
            let raw = self.raw(entry, reservation).await?;
            self.flight.set(self.repository.in_flight());
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

    async fn raw(
        &self,
        entry: &Entry,
        reservation: &Arc<Reservation>,
    ) -> Result<Vec<u8>, NoBundle> {
        let answer = if entry.kind == EntryKind::Link {
            self.repository.blob(&entry.id, reservation).await
        } else {
            let commit = &self.tree.commit;
            self.repository.file(commit, &entry.path, reservation).await
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

fn too_large_or(error: CallError, path: &str) -> NoBundle {
    if error.cause == Cause::TooLarge {
        return NoBundle::Unbundlable(Unbundlable::FileTooLarge {
            path: path.to_owned(),
            limit: LARGEST_FILE,
        });
    }
    NoBundle::Failed(error.into())
}
