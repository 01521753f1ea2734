//! A commit becomes a bundle in the bucket: what a base holds is taken over, the rest is fetched.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::time::{Instant, timeout_at};
use zip::DateTime;

use super::listing::Pushed;
use super::{Delivery, Figures, milliseconds};
use crate::aws::codecommit::Repository;
use crate::aws::s3::{Label, Stored, Upload};
use crate::blobs::Blobs;
use crate::bundle::{BundleWriter, Content, zip_time};
use crate::error::Error;
use crate::git::{Entry, EntryKind};
use crate::keys::Keys;
use crate::tree::{self, Tree};

/// Time to give up an unfinished upload.
const ABORT_TIME: Duration = Duration::from_millis(500);

/// Time to leave what there is for the next delivery, beside the time that its bytes take to S3;
/// less where little time is left at all.
const SAVE_TIME: Duration = Duration::from_secs(5);

/// Bytes of an entry's two records in a bundle, with a path of 100 bytes.
const RECORDS: usize = 400;

/// Makes the bundle of a push and stores it.
pub async fn make(
    delivery: &Delivery<'_>,
    repository: Repository,
    pushed: Pushed,
    keys: &Keys,
    figures: &mut Figures,
) -> Result<Stored, Error> {
    let Delivery { aws, push, .. } = delivery;
    let Pushed {
        commit,
        root,
        bases,
        memory,
    } = pushed;
    let begun = Instant::now();
    let mut bases = Arc::new(bases);
    let tree = match tree::walk(&repository, &bases, memory, commit, root).await {
        // Without the bases there may be memory for it.
        Err(Error::Refused { .. }) if !bases.is_empty() => {
            bases = Arc::default();
            let memory = aws.trees.reservation();
            tree::walk(&repository, &bases, memory, commit, root).await
        }
        walked => walked,
    };
    let tree = Arc::new(tree?);
    figures.walk_ms += milliseconds(begun.elapsed());
    figures.entries = tree.entries.len() as u64;
    let is_file = |entry: &Entry<'_>| !matches!(entry.kind, EntryKind::Tree | EntryKind::Commit);
    figures.files = tree.entries.iter().filter(is_file).count() as u64;

    let begun = Instant::now();
    let label = Label {
        event_id: push.event_id.clone(),
        commit,
        tree: root,
    };
    let time = zip_time(push.time);
    let mut filling = Filling {
        tree: tree.clone(),
        blobs: Blobs::of(repository, tree, bases, time, &aws.memory),
        time,
        redelivered: delivery.redelivered,
        begun,
        stop: delivery.stop,
    };
    let mut upload = aws.bundles.upload(&keys.bundle, &keys.partial, &label);
    let filled = Box::pin(filling.fill(&mut upload));
    let stored = match timeout_at(delivery.stop - ABORT_TIME, filled).await {
        Ok(Ok(Some((stored, bytes)))) => {
            figures.bytes = bytes;
            if delivery.redelivered {
                aws.bundles.remove_partial(&keys.partial).await;
            }
            Ok(stored)
        }
        Ok(Ok(None)) => Err(Error::OutOfTime(
            "the invocation ends before the commit is fetched; the next delivery goes on from here",
        )),
        Ok(Err(error)) => {
            upload.abort().await;
            Err(error)
        }
        Err(_) => {
            upload.abort().await;
            Err(Error::OutOfTime(
                "the invocation ends before the commit is fetched",
            ))
        }
    };
    figures.bundle_ms = milliseconds(begun.elapsed());
    let counts = filling.blobs.counts();
    figures.fetched = counts.fetched;
    figures.bytes_fetched = counts.bytes_fetched;
    figures.reused = counts.reused;
    figures.bytes_reused = counts.bytes_reused;
    if counts.lfs_pointers > 0 {
        tracing::warn!(
            repository = push.repository,
            commit = %commit,
            pointers = counts.lfs_pointers,
            "the bundle holds Git LFS pointers in the place of the files that they stand for, \
             as a clone without Git LFS does"
        );
    }
    stored
}

/// One bundle that is being filled.
struct Filling {
    tree: Arc<Tree>,
    blobs: Blobs,
    time: DateTime,
    redelivered: bool,
    begun: Instant,
    stop: Instant,
}

impl Filling {
    /// Writes the whole bundle; answers where it is and how many bytes it has. `None` where time
    /// ran out, and what there is was left for the next delivery.
    async fn fill(&mut self, upload: &mut Upload) -> Result<Option<(Stored, u64)>, Error> {
        let left = self.stop.saturating_duration_since(Instant::now());
        let margin = SAVE_TIME.min(left / 9) + ABORT_TIME.min(left / 8);
        let records = RECORDS * self.tree.entries.len();
        let mut writer = BundleWriter::new(self.time);
        let mut entries = pin!(self.blobs.in_order());
        let mut position = 0;
        while position < self.tree.entries.len() {
            let to_send = upload.time_to_send(records).min(left / 2);
            let enough = self.stop - margin - to_send;
            let Ok(next) = next_before(enough, &mut entries).await else {
                Box::pin(self.save(upload, writer, position)).await?;
                return Ok(None);
            };
            let Some(next) = next else { break };
            let ready = next?;
            let added = writer.add(&self.tree.entries.get(position), ready.content);
            upload.set_partial(self.is_long());
            upload.write(&added?).await?;
            position += 1;
        }
        let (end, length) = writer.finish(&self.tree.commit)?;
        upload.write(&end).await?;
        Ok(Some((upload.finish().await?, length)))
    }

    /// Whether this may not end in time: it is then written as a partial bundle. Which way
    /// it goes is settled when two parts are full.
    fn is_long(&self) -> bool {
        let fetched = self.blobs.counts().fetched;
        let left = (self.blobs.to_fetch() as u64).saturating_sub(fetched);
        if self.redelivered {
            return left > 0;
        }
        let needed =
            self.begun.elapsed().as_micros() * u128::from(left) / u128::from(fetched.max(1));
        let there = self.stop.saturating_duration_since(Instant::now());
        needed > there.as_micros() / 2
    }

    /// Leaves what is written as a partial bundle, a base for the next delivery. All other entries
    /// follow without their contents: so the next delivery need not walk the tree again.
    async fn save(
        &self,
        upload: &mut Upload,
        mut writer: BundleWriter,
        position: usize,
    ) -> Result<(), Error> {
        let mut length = 0;
        if upload.can_be_partial() {
            upload.set_partial(true);
            for entry in self.tree.entries.iter().skip(position) {
                let added = writer.add(&entry, Content::None);
                upload.write(&added?).await?;
            }
            let (end, whole) = writer.finish(&self.tree.commit)?;
            upload.write(&end).await?;
            length = whole;
        }
        let saved = upload.save(length).await?;
        let counts = self.blobs.counts();
        tracing::warn!(
            commit = %self.tree.commit,
            entries = position,
            of = self.tree.entries.len(),
            fetched = counts.fetched,
            reused = counts.reused,
            saved,
            "there is no time to fetch the whole commit in this invocation"
        );
        Ok(())
    }
}

/// The time left is too short for another entry.
#[derive(Debug, PartialEq, Eq)]
struct TimeIsUp;

/// The next entry, if there is time for one. `timeout_at` alone polls first, and would never end
/// where entries are ready faster than S3 takes them.
async fn next_before<T>(
    deadline: Instant,
    entries: &mut (impl Stream<Item = T> + Unpin),
) -> Result<Option<T>, TimeIsUp> {
    if Instant::now() >= deadline {
        return Err(TimeIsUp);
    }
    let next = timeout_at(deadline, entries.next()).await;
    next.map_err(|_| TimeIsUp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn entries_that_are_always_ready_do_not_outlast_the_deadline() {
        let deadline = Instant::now() + Duration::from_secs(3);
        let mut entries = futures_util::stream::repeat(());
        let mut written = 0;
        while next_before(deadline, &mut entries).await == Ok(Some(())) {
            assert!(written < 10, "it never ends");
            written += 1;
            // S3 takes its time.
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        assert_eq!(written, 3);
    }
}
