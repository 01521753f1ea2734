//! Which contents of a bundle are read together.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use gix_hash::ObjectId;

use super::run::{Piece, Run, Source};
use crate::bundle::read::Data;

/// Bytes read at once at most, except for a single content that is larger: at 100 MB/s, twice the
/// time that a call takes anyway.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Bytes that are read though nobody needs them, rather than making another call.
const WIDEST_GAP: u64 = 128 * 1024;

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
        let (source, range) = (self.source.clone(), self.range.clone());
        let run = Run::of(source, range, self.run.len(), self.last.as_deref());
        for (id, data, as_link) in self.run.drain(..) {
            self.pieces
                .insert(id, Piece::of(run.clone(), data, as_link));
        }
        self.last = Some(run);
    }
}
