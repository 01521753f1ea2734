//! Which entries are seen to together, and which ranges of the bases are read for them.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use gix_hash::ObjectId;

use super::is_blob;
use crate::base::{Base, Bases};
use crate::bundle::read::Slice;
use crate::memory::SMALL;
use crate::tree::Tree;

/// Bytes read at once at most, except for a single content that is larger: at 100 MB/s, twice the
/// time that a call takes anyway.
const LONGEST: u64 = 4 * 1024 * 1024;

/// Bytes that are read though nobody needs them, rather than making another call.
const WIDEST_GAP: u64 = 128 * 1024;

/// A range of a base, read when the first of several groups needs it.
pub(super) type Read = Shared<BoxFuture<'static, Option<Slice>>>;

/// Neighbouring entries that one task sees to.
pub(super) struct Group {
    /// Their positions in the tree.
    pub(super) positions: Range<usize>,
    /// What is read for those of them that a base holds.
    pub(super) read: Option<Read>,
}

/// What is to be done for a tree.
pub(super) struct Plan {
    /// All entries in order.
    pub(super) groups: Vec<Group>,
    /// Blobs that no base holds, and how many entries need each.
    pub(super) to_fetch: HashMap<ObjectId, usize>,
}

/// Groups as they are found, with the number of their range.
#[derive(Default)]
struct Grouping {
    groups: Vec<(Range<usize>, Option<usize>)>,
    ranges: Vec<(Arc<Base>, Range<u64>)>,
    /// The number of each base's last range, which grows as long as neighbours are needed.
    growing: Vec<usize>,
    /// Bytes that the last group has left.
    left: usize,
}

impl Plan {
    /// Neighbours that cost no call share a task as long as all of them together are [`SMALL`]: a
    /// task for each would cost more than what it does. A blob that is fetched begins a group.
    pub(super) fn of(tree: &Tree, bases: &Bases) -> Self {
        let mut to_fetch = HashMap::new();
        let mut grouping = Grouping::default();
        for (position, entry) in tree.entries.iter().enumerate() {
            if !is_blob(&entry) {
                grouping.add(position, Some(0), None);
            } else if let Some(held) = bases.content(&entry) {
                let range = grouping.range_of(&held.base, &held.base.directory.range(held.index));
                let bytes = held.base.directory.sizes(held.index).1;
                grouping.add(position, Some(bytes), Some(range));
            } else {
                *to_fetch.entry(entry.id).or_default() += 1;
                grouping.add(position, None, None);
            }
        }
        Self {
            groups: grouping.finish(),
            to_fetch,
        }
    }
}

impl Grouping {
    /// Adds an entry of so many bytes, if it costs no call.
    fn add(&mut self, position: usize, bytes: Option<usize>, range: Option<usize>) {
        let left = bytes.and_then(|bytes| self.left.checked_sub(bytes));
        if let (Some(left), Some((positions, its_range))) = (left, self.groups.last_mut())
            && (range.is_none() || its_range.is_none() || range == *its_range)
        {
            self.left = left;
            positions.end = position + 1;
            *its_range = its_range.or(range);
        } else {
            self.left = bytes.map_or(0, |bytes| SMALL.saturating_sub(bytes));
            self.groups.push((position..position + 1, range));
        }
    }

    /// The number of the range that an entry of a base is read with.
    fn range_of(&mut self, base: &Arc<Base>, entry: &Range<u64>) -> usize {
        let ranges = &mut self.ranges;
        let of_base = |number: &&mut usize| Arc::ptr_eq(&ranges[**number].0, base);
        let growing = self.growing.iter_mut().find(of_base);
        if let Some(number) = &growing
            && let range = &mut ranges[**number].1
            && entry.start >= range.start
            && entry.start <= range.end + WIDEST_GAP
            && entry.end - range.start <= LONGEST
            && base.is_at_hand(entry) == base.is_at_hand(range)
        {
            range.end = range.end.max(entry.end);
            return **number;
        }
        let number = ranges.len();
        ranges.push((base.clone(), entry.clone()));
        match growing {
            Some(growing) => *growing = number,
            None => self.growing.push(number),
        }
        number
    }

    fn finish(self) -> Vec<Group> {
        let read = |(base, range): (Arc<Base>, _)| {
            let read = async move { base.read(range).await };
            read.boxed().shared()
        };
        let reads: Vec<Read> = self.ranges.into_iter().map(read).collect();
        let groups = self.groups.into_iter();
        groups
            .map(|(positions, range)| Group {
                positions,
                read: range.map(|range| reads[range].clone()),
            })
            .collect()
    }
}
