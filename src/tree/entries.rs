//! A tree's entries in compact form: a record of 32 bytes for each, and one string of all paths.

use gix_hash::ObjectId;

use crate::git::{Entry, EntryKind};

/// Every entry of a tree, in the bytewise order of their names in a bundle.
#[derive(Debug, Default)]
pub struct Entries {
    paths: String,
    records: Vec<Record>,
}

#[derive(Debug)]
struct Record {
    /// Where its path begins in `paths`, which [`rules`](super::rules) keeps below four gigabytes.
    start: u32,
    length: u16,
    kind: EntryKind,
    id: ObjectId,
}

impl Entries {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// The entry at this position.
    pub fn get(&self, position: usize) -> Entry<'_> {
        self.records[position].entry(&self.paths)
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        let records = self.records.iter();
        records.map(|record| record.entry(&self.paths))
    }

    /// Adds an entry of a folder, whose path is empty for the root; answers the entry's path.
    pub(super) fn push(
        &mut self,
        folder: &str,
        name: &str,
        kind: EntryKind,
        id: ObjectId,
    ) -> Result<&str, String> {
        let start = self.paths.len();
        if !folder.is_empty() {
            self.paths.push_str(folder);
            self.paths.push('/');
        }
        self.paths.push_str(name);
        let path = &self.paths[start..];
        let length = u16::try_from(path.len());
        let (Ok(length), Ok(start)) = (length, u32::try_from(start)) else {
            return Err("its paths are too long".to_owned());
        };
        self.records.push(Record {
            start,
            length,
            kind,
            id,
        });
        Ok(path)
    }

    /// Sorts them into the order of a bundle.
    pub(super) fn sort(&mut self) {
        let Self { paths, records } = self;
        records.sort_unstable_by(|a, b| {
            let [a, b] = [a, b].map(|record| record.entry(paths));
            // Most paths differ before the shorter one ends, and slices are compared fast.
            let both = a.path.len().min(b.path.len());
            let starts = a.path.as_bytes()[..both].cmp(&b.path.as_bytes()[..both]);
            starts.then_with(|| a.name_bytes().skip(both).cmp(b.name_bytes().skip(both)))
        });
    }
}

impl Record {
    fn entry<'paths>(&self, paths: &'paths str) -> Entry<'paths> {
        let start = self.start as usize;
        Entry {
            path: &paths[start..start + usize::from(self.length)],
            kind: self.kind,
            id: self.id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_sorted_by_their_names_in_a_bundle_and_take_32_bytes_beside_their_paths() {
        let id = ObjectId::null(gix_hash::Kind::Sha1);
        let mut entries = Entries::default();
        for (folder, name, kind) in [
            ("", "a0", EntryKind::Blob),
            ("", "a", EntryKind::Tree),
            ("", "a.b", EntryKind::Blob),
            ("a", "z", EntryKind::Blob),
        ] {
            entries.push(folder, name, kind, id).unwrap();
        }
        entries.sort();
        let paths: Vec<_> = entries.iter().map(|entry| entry.path).collect();
        assert_eq!(paths, ["a.b", "a", "a/z", "a0"]);
        assert!(size_of::<Record>() <= 32);
    }
}
