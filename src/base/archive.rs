//! The bytes of an earlier bundle, read in ranges.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;

use crate::aws::s3::{Bundles, Object, Tail};
use crate::bundle::read::Slice;

/// An earlier bundle in the bucket.
#[derive(Debug)]
pub struct Archive {
    bundles: Bundles,
    object: Object,
    /// Its end, which was read to find its directory.
    tail: Bytes,
    reads: Arc<Semaphore>,
}

impl Archive {
    pub(super) fn new(bundles: Bundles, tail: &Tail, reads: Arc<Semaphore>) -> Self {
        Self {
            bundles,
            object: tail.object.clone(),
            tail: tail.bytes.clone(),
            reads,
        }
    }

    pub fn key(&self) -> &str {
        &self.object.key
    }

    /// A range of it; `None`, with a warning, where it cannot be read.
    pub async fn read(&self, range: Range<u64>) -> Option<Slice> {
        let length = self.object.length;
        let tail_start = length - self.tail.len() as u64;
        if range.start >= tail_start {
            return Some(Slice::of(self.tail.clone(), tail_start, length));
        }
        let _permit = self.reads.acquire().await;
        let read = match self.bundles.range(&self.object, range.clone()).await {
            // The SDK does not try again where a body was cut off.
            Err(error) if error.code.is_none() => {
                self.bundles.range(&self.object, range.clone()).await
            }
            read => read,
        };
        match read {
            Ok(bytes) => Some(Slice::of(bytes, range.start, length)),
            Err(error) => {
                tracing::warn!(
                    key = self.key(),
                    %error,
                    "a range of an earlier bundle cannot be read: what it holds is fetched"
                );
                None
            }
        }
    }
}
