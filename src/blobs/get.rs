//! How one entry is got: out of a base where one holds it, or else from CodeCommit.

use std::sync::Arc;

use super::plan::Read;
use super::repeated::{Fetch, Fetched};
use super::{Permit, Ready, Work, is_blob};
use crate::aws::codecommit::admission::LARGEST_FILE;
use crate::base::BaseEntry;
use crate::bundle::{Content, compress, is_lfs_pointer, verify};
use crate::error::{Cause, Error};
use crate::git::{Entry, EntryKind};
use crate::memory::{Reservation, SMALL};

impl Work {
    /// One entry; `read` is where its base's bytes come from, `first` the position that the bundle
    /// waits for when it waits for this one.
    pub(super) async fn get(
        self: &Arc<Self>,
        position: usize,
        first: usize,
        read: Option<&Read>,
        permit: Option<Permit>,
    ) -> Result<Ready, Error> {
        let entry = self.tree.entries.get(position);
        if !is_blob(&entry) {
            return Ok(Ready {
                position,
                content: Content::None,
                _reservation: None,
            });
        }
        let reservation = Arc::new(self.budget.reservation(first));
        let taken = match (read, self.bases.content(&entry)) {
            (Some(read), Some(held)) => self.take_over(position, held, read, &reservation).await?,
            _ => None,
        };
        // What cannot be taken over is fetched without a permit: it is part of the window, and
        // waiting for one out of order could go on for ever.
        let content = if let Some(content) = taken {
            content
        } else {
            let work = self.clone();
            let check = move |raw: Vec<u8>| {
                let entry = work.tree.entries.get(position);
                verify(&raw, &entry.id)?;
                Ok(work.compress(&entry, &raw))
            };
            self.fetch(&entry, &reservation, permit, check).await??
        };
        reservation.shrink(content.bytes());
        Ok(Ready {
            position,
            content,
            _reservation: Some(reservation),
        })
    }

    /// One entry whose blob is fetched for several.
    pub(super) async fn get_repeated(
        self: &Arc<Self>,
        position: usize,
        fetch: &Arc<Fetch>,
        permit: Option<Permit>,
    ) -> Result<Ready, Error> {
        let entry = self.tree.entries.get(position);
        let id = entry.id;
        let fetched = fetch
            .bytes
            .get_or_try_init(|| async {
                let reservation = Arc::new(self.budget.reservation(fetch.first));
                let check = move |raw: Vec<u8>| verify(&raw, &id).map(|()| raw);
                let raw = self.fetch(&entry, &reservation, permit, check).await?;
                reservation.shrink(raw.len());
                Ok::<_, Error>(Arc::new(Fetched { raw, reservation }))
            })
            .await?
            .clone();
        let reservation = Arc::new(self.budget.reservation(position));
        if fetched.raw.len() > SMALL {
            // An error would mean that the memory budget is gone, and this task with it.
            let _ = reservation.request(fetched.raw.len()).await;
        }
        let (work, blob) = (self.clone(), fetched.clone());
        let compress = move || work.compress(&work.tree.entries.get(position), &blob.raw);
        let content = self.process(fetched.raw.len(), compress).await??;
        reservation.shrink(content.bytes());
        self.repeated.used(&id, fetch, &fetched);
        Ok(Ready {
            position,
            content,
            _reservation: Some(reservation),
        })
    }

    /// One entry out of a base; `None`, with a warning, where it does not fit.
    async fn take_over(
        self: &Arc<Self>,
        position: usize,
        held: BaseEntry,
        read: &Read,
        reservation: &Reservation,
    ) -> Result<Option<Content>, Error> {
        let (compressed, size) = held.base.directory.sizes(held.index);
        if size > SMALL {
            let anew = if held.is_same { 0 } else { size };
            let _ = reservation.request(compressed + size + anew).await;
        }
        let Some(slice) = read.clone().await else {
            return Ok(None);
        };
        let work = self.clone();
        let base = held.base.clone();
        let take = move || {
            let entry = work.tree.entries.get(position);
            let directory = &held.base.directory;
            let raw = directory.content(held.index, &slice)?;
            verify(&raw, &entry.id).map_err(|id| format!("it hashes to {id}"))?;
            if held.is_same {
                work.count_lfs_pointer(&entry, &raw);
                return Ok(Content::Unchanged(directory.unchanged(held.index, slice)));
            }
            work.compress(&entry, &raw)
                .map_err(|error| error.to_string())
        };
        let content = match self.process(size, take).await? {
            Ok(content) => content,
            Err(why) => {
                let path = self.tree.entries.get(position).path;
                tracing::warn!(
                    key = base.key(),
                    path,
                    why,
                    "an earlier bundle's content cannot be taken over: it is fetched"
                );
                return Ok(None);
            }
        };
        let mut counts = self.counts.lock();
        counts.reused += 1;
        counts.bytes_reused += compressed as u64;
        Ok(Some(content))
    }

    /// What `check` makes of one blob's bytes; asked for once more where they are not the blob's.
    async fn fetch<T: Send + 'static>(
        &self,
        entry: &Entry<'_>,
        reservation: &Arc<Reservation>,
        mut permit: Option<Permit>,
        check: impl Fn(Vec<u8>) -> Result<T, String> + Clone + Send + 'static,
    ) -> Result<T, Error> {
        let mut came = String::new();
        for attempt in 1..=2 {
            let raw = self.raw(entry, reservation).await?;
            let bytes = raw.len() as u64;
            let check = check.clone();
            // The next call need not wait until this answer is compressed; a second attempt is
            // rare enough to go without.
            drop(permit.take());
            match self.process(raw.len(), move || check(raw)).await? {
                Ok(checked) => {
                    let mut counts = self.counts.lock();
                    counts.fetched += 1;
                    counts.bytes_fetched += bytes;
                    return Ok(checked);
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
        let (path, id) = (entry.path, entry.id);
        Err(Error::BadAnswer {
            operation: "CodeCommit GetFile or GetBlob",
            what: format!("the content of {path} does not hash to its blob id {id} but to {came}"),
        })
    }

    async fn raw(
        &self,
        entry: &Entry<'_>,
        reservation: &Arc<Reservation>,
    ) -> Result<Vec<u8>, Error> {
        let answer = if entry.kind == EntryKind::Link {
            self.repository.blob(&entry.id, reservation).await
        } else {
            let commit = &self.tree.commit;
            self.repository.file(commit, entry.path, reservation).await
        };
        answer.map_err(|error| match error.cause {
            // Git takes files of up to 2 GB, and only a clone gets them all.
            Cause::TooLarge => Error::Unbundlable {
                commit: self.tree.commit,
                why: format!(
                    "{} is larger than the {LARGEST_FILE} bytes that CodeCommit's API hands out",
                    entry.path
                ),
            },
            _ => error.into(),
        })
    }

    fn compress(&self, entry: &Entry<'_>, raw: &[u8]) -> Result<Content, Error> {
        self.count_lfs_pointer(entry, raw);
        let file = compress(entry, raw, self.time)?;
        Ok(Content::Compressed(Box::new(file)))
    }

    fn count_lfs_pointer(&self, entry: &Entry<'_>, raw: &[u8]) {
        self.counts.lock().lfs_pointers += u64::from(is_lfs_pointer(entry, raw));
    }

    /// Works on so many bytes. To hand over a small content to another thread would cost more than
    /// the work itself, and the tasks are on all cores.
    async fn process<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        if bytes <= SMALL {
            return Ok(work());
        }
        let _permit = self.compressing.acquire().await;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| Error::Panicked(error.to_string()))
    }
}
