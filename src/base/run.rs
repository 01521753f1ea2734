//! Neighbouring contents are read together, in ranges of some megabytes, each while the one before
//! it is read and taken over.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio::sync::{Mutex, Semaphore};

use crate::aws::s3::{Bundles, Object, Tail};
use crate::bundle::Kept;
use crate::bundle::read::Data;
use crate::error::CallError;

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
pub struct Run {
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
    pub(super) fn of(run: Arc<Run>, data: Data, as_link: bool) -> Self {
        Self { run, data, as_link }
    }

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
    /// A range that holds so many contents, and comes after another.
    pub(super) fn of(
        source: Arc<Source>,
        range: Range<u64>,
        contents: usize,
        before: Option<&Self>,
    ) -> Arc<Self> {
        let run = Arc::new(Self {
            source,
            range,
            state: Mutex::new(State {
                left: contents,
                bytes: None,
                error: None,
                failed: false,
                is_ahead: false,
            }),
            next: OnceLock::new(),
        });
        if let Some(before) = before {
            // Nobody else sets it.
            let _ = before.next.set(run.clone());
        }
        run
    }

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
