//! Ranges of an earlier bundle.

use std::ops::Range;

use super::Base;
use crate::bundle::read::Slice;

impl Base {
    pub fn key(&self) -> &str {
        &self.tail.object.key
    }

    /// Whether a range was read together with the bundle's end.
    pub fn is_at_hand(&self, range: &Range<u64>) -> bool {
        range.start >= self.tail_start()
    }

    fn tail_start(&self) -> u64 {
        self.tail.object.length - self.tail.bytes.len() as u64
    }

    /// A range of the bundle; `None`, with a warning, where it cannot be read.
    pub async fn read(&self, range: Range<u64>) -> Option<Slice> {
        let object = &self.tail.object;
        let length = object.length;
        if self.is_at_hand(&range) {
            let (bytes, start) = (self.tail.bytes.clone(), self.tail_start());
            return Some(Slice::of(bytes, start, length));
        }
        let _permit = self.reads.acquire().await;
        let read = match self.bundles.range(object, range.clone()).await {
            // The SDK does not try again where a body was cut off.
            Err(error) if error.code.is_none() => self.bundles.range(object, range.clone()).await,
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
