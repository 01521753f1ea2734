//! An earlier bundle is found, and its directory is read.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use bytes::{Bytes, BytesMut};
use gix_hash::ObjectId;
use tokio::sync::Semaphore;

use super::run::Source;
use super::{Base, Blob, Candidates};
use crate::aws::codecommit::admission::LARGEST_FILE;
use crate::aws::s3::{Bundles, Found, Tail};
use crate::bundle::read::{self, Listed};
use crate::git::{EntryKind, TreeEntry};

/// Bytes that are read from a bundle's end first: the whole directory of some 6,000 entries, and
/// the whole bundle where it is small. At 100 MB/s they take half the time of another call.
const FIRST_READ: usize = 1024 * 1024;

/// Bytes of the largest directory that is read. Linux's 100,000 entries have 15 MB.
const LARGEST_DIRECTORY: u64 = 64 * 1024 * 1024;

impl Base {
    fn of(source: Source, tail: &Tail, listed: Vec<Listed>) -> Self {
        let mut by_path: HashMap<String, Vec<TreeEntry>> = HashMap::new();
        let mut paths: HashMap<ObjectId, String> = HashMap::new();
        let mut blobs: HashMap<ObjectId, Blob> = HashMap::new();
        paths.extend(tail.tree.map(|root| (root, String::new())));
        for Listed {
            path,
            kind,
            id,
            data,
        } in listed
        {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", &path));
            let entry = TreeEntry {
                name: name.to_owned(),
                kind,
                id,
            };
            match by_path.get_mut(parent) {
                Some(entries) => entries.push(entry),
                None => {
                    by_path.insert(parent.to_owned(), vec![entry]);
                }
            }
            if let Some(data) = data.filter(|data| u64::from(data.size) <= LARGEST_FILE) {
                let as_link = kind == EntryKind::Link;
                let blob = Blob { data, as_link };
                // A file's entry may be compressed already.
                if blobs.get(&id).is_none_or(|other| other.as_link) {
                    blobs.insert(id, blob);
                }
            }
            if kind == EntryKind::Folder {
                paths.entry(id).or_insert(path);
            }
        }
        let folders = paths
            .into_iter()
            .filter_map(|(id, path)| Some((id, by_path.remove(&path)?)))
            .collect();
        Self {
            source: Arc::new(source),
            commit: tail.commit,
            root: tail.tree,
            folders,
            blobs,
            is_doubted: AtomicBool::new(false),
        }
    }
}

/// Which bundle of the repository to take where the usual one is missing: one of the same commit
/// under another name, or else the newest. The first page of the listing has to do.
pub(super) async fn another(bundles: &Bundles, candidates: &Candidates) -> Option<String> {
    let found = match bundles.list(&candidates.folder).await {
        Ok(found) => found,
        Err(error) => {
            tracing::warn!(%error, "earlier bundles cannot be listed: the commit is fetched whole");
            return None;
        }
    };
    let same = format!("/{}.zip", candidates.commit);
    found
        .into_iter()
        .filter(|Found { key, .. }| {
            !key.starts_with(&candidates.partials) && candidates.before.as_ref() != Some(key)
        })
        .max_by_key(|Found { key, modified }| (key.ends_with(&same), *modified))
        .map(|found| found.key)
}

/// Reads a bundle's directory; `None`, with a warning, where it is of no use.
pub(super) async fn open(bundles: &Bundles, key: &str, reads: &Arc<Semaphore>) -> Option<Base> {
    let useless = |why: &str| {
        tracing::warn!(key, why, "nothing is taken over from an earlier bundle");
    };
    let tail = match bundles.tail(key, FIRST_READ).await {
        Ok(Some(tail)) => tail,
        Ok(None) => {
            // The first push, or a bundle that has expired.
            tracing::debug!(key, "there is no such bundle to take over from");
            return None;
        }
        Err(error) => {
            useless(&error.to_string());
            return None;
        }
    };
    if !tail.is_our_format {
        useless("it is of another format");
        return None;
    }
    let (directory, offset) = match directory(bundles, &tail).await {
        Ok(directory) => directory,
        Err(why) => {
            useless(&why);
            return None;
        }
    };
    match read::entries(&directory, offset) {
        Ok(listed) => {
            let source = Source::new(bundles.clone(), &tail, reads.clone());
            Some(Base::of(source, &tail, listed))
        }
        Err(why) => {
            useless(&why);
            None
        }
    }
}

/// A bundle's directory and where it begins.
async fn directory(bundles: &Bundles, tail: &Tail) -> Result<(Bytes, u64), String> {
    let length = tail.object.length;
    let range = read::directory_range(&tail.bytes, length)?;
    if range.end - range.start > LARGEST_DIRECTORY {
        return Err("its directory is too large".to_owned());
    }
    let tail_start = length - tail.bytes.len() as u64;
    let within = |at: u64| usize::try_from(at.saturating_sub(tail_start)).unwrap_or(usize::MAX);
    let known = tail.bytes.slice(within(range.start)..within(range.end));
    if range.start >= tail_start {
        return Ok((known, range.start));
    }
    let missing = bundles
        .range(&tail.object, range.start..tail_start.min(range.end))
        .await
        .map_err(|error| error.to_string())?;
    let mut whole = BytesMut::from(missing);
    whole.extend_from_slice(&known);
    Ok((whole.freeze(), range.start))
}
