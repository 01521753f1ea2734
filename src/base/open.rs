//! Finds an earlier bundle, and reads its directory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::BytesMut;
use tokio::sync::Semaphore;

use super::Base;
use crate::aws::s3::{Bundles, Found, Tail};
use crate::bundle::read::{Directory, Unreadable};
use crate::git::EntryKind;
use crate::keys::Keys;
use crate::memory::TreeReservation;

/// Bytes that are read from a bundle's end first, while CodeCommit says what the commit is. They hold the
/// directory of some 30,000 entries. If it is shorter, contents come with it, and are inflated while
/// files are fetched. The memory for trees does not count these bytes: at most 40 MiB of 1,024, for
/// eight pushes at once.
const FIRST_READ: usize = 5 * 1024 * 1024;

/// Which bundle of the repository to take where the usual one is missing: one of the same commit
/// under another reference, or else the newest. Looks at the first page of the listing only.
pub(super) async fn another(bundles: &Bundles, keys: &Keys) -> Option<String> {
    let found = match bundles.list(&keys.folder).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "earlier bundles cannot be listed: the commit is fetched whole");
            return None;
        }
    };
    let (_, same) = keys.bundle.rsplit_once('/')?;
    found
        .into_iter()
        .filter(|Found { key, .. }| {
            !key.starts_with(&keys.partials) && keys.before.as_ref() != Some(key)
        })
        .max_by_key(|Found { key, modified }| (key.ends_with(same), *modified))
        .map(|found| found.key)
}

/// Opens a bundle as a base; `None`, with a warning, where it is of no use.
pub(super) async fn open(
    bundles: &Bundles,
    key: &str,
    reads: &Arc<Semaphore>,
    memory: &mut TreeReservation,
) -> Option<Base> {
    let base = read(bundles, key, reads, memory).await;
    base.unwrap_or_else(|why| {
        tracing::warn!(key, why, "nothing is taken over from an earlier bundle");
        None
    })
}

/// Reads what a base needs of a bundle. Answers `None` where no bundle has this key; an error says why
/// the bundle is of no use.
async fn read(
    bundles: &Bundles,
    key: &str,
    reads: &Arc<Semaphore>,
    memory: &mut TreeReservation,
) -> Result<Option<Base>, String> {
    let tail = bundles.tail(key, FIRST_READ).await;
    let Some(tail) = tail.map_err(|error| error.to_string())? else {
        // The first push, or a bundle that has expired.
        tracing::debug!(key, "there is no such bundle to take over from");
        return Ok(None);
    };
    if !tail.is_known_format {
        return Err("it is of another format".to_owned());
    }
    let directory = directory(bundles, &tail, memory).await?;
    let mut folders = HashMap::new();
    let mut blobs = HashMap::new();
    for (index, entry) in directory.listed().iter().enumerate() {
        if entry.kind == EntryKind::Tree {
            folders.entry(entry.id).or_insert(index);
        } else if entry.has_content {
            blobs.entry(entry.id).or_insert(index);
        }
    }
    Ok(Some(Base {
        bundles: bundles.clone(),
        tail,
        reads: reads.clone(),
        directory,
        folders,
        blobs,
        is_doubted: AtomicBool::new(false),
    }))
}

/// Reads a bundle's directory: the rest of it too where the bundle's end does not hold it all.
async fn directory(
    bundles: &Bundles,
    tail: &Tail,
    memory: &mut TreeReservation,
) -> Result<Directory, String> {
    let length = tail.object.length;
    let missing = match Directory::read(tail.bytes.clone(), length) {
        Ok(directory) => {
            memory.add_directory(length - directory.start()).await?;
            return Ok(directory);
        }
        Err(Unreadable::NotABundle(why)) => return Err(why),
        Err(Unreadable::Missing(range)) => range,
    };
    memory.add_directory(length - missing.start).await?;
    let read = bundles.range(&tail.object, missing).await;
    let mut whole = BytesMut::from(read.map_err(|error| error.to_string())?);
    whole.extend_from_slice(&tail.bytes);
    match Directory::read(whole.freeze(), length) {
        Ok(directory) => Ok(directory),
        Err(Unreadable::NotABundle(why)) => Err(why),
        Err(Unreadable::Missing(_)) => Err("its directory is not where its end says".to_owned()),
    }
}
