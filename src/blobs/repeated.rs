//! Keeps up to 16 MiB of blobs that occur at several paths; beyond that they are fetched again.

use std::collections::HashMap;
use std::sync::Arc;

use gix_hash::ObjectId;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::OnceCell;

use crate::memory::Reservation;

/// Bytes kept at most for paths that are still to come.
const MOST_KEPT: usize = 16 * 1024 * 1024;

/// A blob's bytes, verified, and the memory that they take.
#[derive(Debug)]
pub(super) struct Fetched {
    /// The bytes.
    pub(super) raw: Vec<u8>,
    /// Their memory.
    pub(super) reservation: Arc<Reservation>,
}

/// One fetch of a blob, for all entries that come while it is under way or its bytes are kept.
#[derive(Debug)]
pub(super) struct Fetch {
    /// The first entry in path order that needs it; its memory is reserved for that entry.
    pub(super) first: usize,
    /// What came.
    pub(super) bytes: OnceCell<Arc<Fetched>>,
}

/// The blobs of a tree that are fetched for several entries.
#[derive(Debug)]
pub(super) struct Repeated(Mutex<State>);

#[derive(Debug)]
struct State {
    blobs: HashMap<ObjectId, Blob>,
    /// Bytes kept, of all blobs.
    kept: usize,
}

#[derive(Debug)]
struct Blob {
    /// Entries that still need it; with the last one its bytes are let go.
    uses: usize,
    fetch: Option<Arc<Fetch>>,
    /// Bytes kept of it.
    kept: usize,
}

impl Repeated {
    /// Those of `to_fetch` that several entries need.
    pub(super) fn of(to_fetch: &HashMap<ObjectId, usize>) -> Self {
        let several = to_fetch.iter().filter(|(_, uses)| **uses > 1);
        let blob = |uses| Blob {
            uses,
            fetch: None,
            kept: 0,
        };
        Self(Mutex::new(State {
            blobs: several.map(|(id, uses)| (*id, blob(*uses))).collect(),
            kept: 0,
        }))
    }

    /// The fetch that serves the entry at this position; `None` for a blob that no other entry has.
    pub(super) fn fetch(&self, id: &ObjectId, position: usize) -> Option<Arc<Fetch>> {
        let mut state = self.state();
        let blob = state.blobs.get_mut(id)?;
        let begin = || {
            Arc::new(Fetch {
                first: position,
                bytes: OnceCell::new(),
            })
        };
        Some(blob.fetch.get_or_insert_with(begin).clone())
    }

    /// One entry has it. The bytes are let go after the last one, or where no more can be kept.
    pub(super) fn used(&self, id: &ObjectId, fetch: &Arc<Fetch>, fetched: &Fetched) {
        let mut state = self.state();
        let State { blobs, kept } = &mut *state;
        let Some(blob) = blobs.get_mut(id) else {
            return;
        };
        blob.uses -= 1;
        let is_present = |now: &Arc<Fetch>| Arc::ptr_eq(now, fetch);
        if !blob.fetch.as_ref().is_some_and(is_present) {
            return;
        }
        let bytes = fetched.raw.len();
        if blob.uses == 0 {
            blob.fetch = None;
            *kept -= blob.kept;
        } else if blob.kept == 0 && *kept + bytes <= MOST_KEPT {
            blob.kept = bytes;
            *kept += bytes;
            fetched.reservation.shrink(0);
        } else if blob.kept == 0 {
            blob.fetch = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock()
    }
}
