//! Neighbouring contents are read together, in ranges of some megabytes, each while the one before
//! it is read and taken over.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use gix_hash::ObjectId;
use tokio::sync::{Mutex, Semaphore};

use crate::aws::s3::{Bundles, Object, Tail};
use crate::bundle::Kept;
use crate::bundle::read::Data;
use crate::error::CallError;

/// Bytes read at once at most, except for a single content that is larger: at 100 MB/s, twice the
/// time that a call takes anyway.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Bytes that are read though nobody needs them, rather than making another call.
const WIDEST_GAP: u64 = 128 * 1024;

/// A bundle that is read.
#[derive(Debug)]
pub struct Source {
    bundles: Bundles,
    object: Object,
    /// Its end, which was read to find its directory.
    tail: Bytes,
    reads: Arc<Semaphore>,
}

/// A range of a bundle, read once for all contents in it.
#[derive(Debug)]
struct Run {
    source: Arc<Source>,
    range: Range<u64>,
    state: Mutex<State>,
    /// What is needed after it.
    next: OnceLock<Arc<Run>>,
}

#[derive(Debug)]
struct State {
    /// Contents that have not been taken.
    left: usize,
    bytes: Option<Bytes>,
    /// Why it cannot be read, until somebody has been told.
    error: Option<CallError>,
    failed: bool,
    /// Whether the next run has been asked for.
    is_ahead: bool,
}

/// One content in a bundle.
#[derive(Clone, Debug)]
pub struct Piece {
    run: Arc<Run>,
    data: Data,
    as_link: bool,
}

/// A content's compressed bytes, read.
#[derive(Clone, Debug)]
pub struct Taken {
    bytes: Bytes,
    data: Data,
    as_link: bool,
}

impl Source {
    pub(super) fn new(bundles: Bundles, tail: &Tail, reads: Arc<Semaphore>) -> Self {
        Self {
            bundles,
            object: tail.object.clone(),
            tail: tail.bytes.clone(),
            reads,
        }
    }

    /// The bundle's key.
    pub fn key(&self) -> &str {
        &self.object.key
    }

    async fn read(&self, range: Range<u64>) -> Result<Bytes, CallError> {
        let tail_start = self.object.length - self.tail.len() as u64;
        if let (Some(start), Some(end)) = (
            range.start.checked_sub(tail_start),
            range.end.checked_sub(tail_start),
        ) && let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(end))
        {
            return Ok(self.tail.slice(start..end));
        }
        let _permit = self.reads.acquire().await;
        match self.bundles.range(&self.object, range.clone()).await {
            // A body that was cut off is nothing that the SDK tries again.
            Err(error) if error.code.is_none() => self.bundles.range(&self.object, range).await,
            read => read,
        }
    }
}

impl Piece {
    /// Where it is, for a person.
    pub fn key(&self) -> &str {
        self.run.source.key()
    }

    /// Bytes in the bundle, and bytes of the content.
    pub fn sizes(&self) -> (usize, usize) {
        let size = |bytes: u32| usize::try_from(bytes).unwrap_or(usize::MAX);
        (size(self.data.compressed_size), size(self.data.size))
    }

    /// Reads it, or hands out what was read with its neighbours. `None` where a neighbour has
    /// already met the error.
    ///
    /// # Errors
    ///
    /// A failed call.
    pub async fn take(&self) -> Result<Option<Taken>, CallError> {
        let mut state = self.run.state.lock().await;
        if state.left == 0 {
            // Taken before, and let go since.
            drop(state);
            let span = self.data.span.clone();
            let bytes = self.run.source.read(span).await?;
            return Ok(self.within(&bytes, self.data.span.start));
        }
        if !state.is_ahead {
            state.is_ahead = true;
            self.run.read_ahead();
        }
        if state.bytes.is_none() && !state.failed {
            self.run.read(&mut state).await;
        }
        if let Some(error) = state.error.take() {
            return Err(error);
        }
        let taken = state
            .bytes
            .as_ref()
            .and_then(|bytes| self.within(bytes, self.run.range.start));
        state.left -= 1;
        if state.left == 0 {
            state.bytes = None;
        }
        Ok(taken)
    }

    /// The content is what its entry ends with.
    fn within(&self, bytes: &Bytes, start: u64) -> Option<Taken> {
        let end = usize::try_from(self.data.span.end - start).ok()?;
        let from = end.checked_sub(self.sizes().0)?;
        (end <= bytes.len()).then(|| Taken {
            bytes: bytes.slice(from..end),
            data: self.data.clone(),
            as_link: self.as_link,
        })
    }
}

impl Run {
    async fn read(&self, state: &mut State) {
        match self.source.read(self.range.clone()).await {
            Ok(bytes) => state.bytes = Some(bytes),
            Err(error) => {
                state.failed = true;
                state.error = Some(error);
            }
        }
    }

    /// Has the next run read by the time that it is needed.
    fn read_ahead(&self) {
        let Some(next) = self.next.get().cloned() else {
            return;
        };
        tokio::spawn(async move {
            // Whoever holds the lock reads, or has read.
            if let Ok(mut state) = next.state.try_lock()
                && state.bytes.is_none()
                && !state.failed
                && state.left > 0
            {
                next.read(&mut state).await;
            }
        });
    }
}

impl Taken {
    /// As the bundle keeps it.
    pub fn kept(&self) -> Kept<'_> {
        Kept {
            data: &self.bytes,
            method: self.data.method,
            crc: self.data.crc,
            size: self.data.size,
            as_link: self.as_link,
        }
    }
}

/// Groups the contents of one bundle into runs, in the order in which they are needed.
pub struct Plan {
    source: Arc<Source>,
    pieces: HashMap<ObjectId, Piece>,
    range: Range<u64>,
    run: Vec<(ObjectId, Data, bool)>,
    last: Option<Arc<Run>>,
}

impl Plan {
    pub(super) fn of(source: Arc<Source>) -> Self {
        Self {
            source,
            pieces: HashMap::new(),
            range: 0..0,
            run: Vec::new(),
            last: None,
        }
    }

    pub(super) fn add(&mut self, id: ObjectId, data: Data, as_link: bool) {
        let span = &data.span;
        let joins = span.start >= self.range.end
            && span.start - self.range.end <= WIDEST_GAP
            && span.end - self.range.start <= LONGEST;
        if self.run.is_empty() || !joins {
            self.close();
            self.range = span.clone();
        }
        self.range.end = span.end;
        self.run.push((id, data, as_link));
    }

    pub(super) fn finish(mut self) -> HashMap<ObjectId, Piece> {
        self.close();
        self.pieces
    }

    fn close(&mut self) {
        if self.run.is_empty() {
            return;
        }
        let run = Arc::new(Run {
            source: self.source.clone(),
            range: self.range.clone(),
            state: Mutex::new(State {
                left: self.run.len(),
                bytes: None,
                error: None,
                failed: false,
                is_ahead: false,
            }),
            next: OnceLock::new(),
        });
        if let Some(last) = self.last.replace(run.clone()) {
            // Nobody else sets it.
            let _ = last.next.set(run.clone());
        }
        for (id, data, as_link) in self.run.drain(..) {
            let run = run.clone();
            self.pieces.insert(id, Piece { run, data, as_link });
        }
    }
}
