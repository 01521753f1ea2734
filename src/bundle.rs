//! Entries become the bytes of a zip, and these alone decide what they are: same commit, same
//! time, same bytes.
//!
//! The layout is PKWARE's (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>), written
//! here rather than by a library because a bundle leaves while it is being made: no library writes
//! sizes into the local header of a stream that cannot seek, takes data that is already
//! compressed, and gives each entry a comment, all three. A reader must need no data descriptors
//! (links fail without sizes: <https://github.com/saracen/fastzip/pull/48>).

mod content;
pub mod read;
mod record;

use gix_hash::ObjectId;
use time::OffsetDateTime;

pub use content::{Content, Kept, Wanted};
pub use record::Method;

use crate::git::{Entry, EntryKind};
use record::{End, Entry as Record};

/// Writes one bundle's headers, and its directory at the end. The entries' data goes between.
pub struct BundleWriter {
    time: OffsetDateTime,
    /// The central directory so far.
    directory: Vec<u8>,
    entries: u64,
    /// Bytes of headers and data so far.
    offset: u64,
}

impl BundleWriter {
    /// Begins a bundle whose every entry has this time.
    pub fn new(time: OffsetDateTime) -> Self {
        Self {
            time,
            directory: Vec::new(),
            entries: 0,
            offset: 0,
        }
    }

    /// The header of the next entry and the data to write after it. Entries come in the order of
    /// [`Tree::entries`](crate::tree::Tree::entries); folders and submodules have no content, and
    /// neither has a file or link that a partial bundle has to leave out.
    pub fn entry<'content>(
        &mut self,
        entry: &Entry,
        content: Option<&'content Content>,
    ) -> (Vec<u8>, &'content [u8]) {
        let (method, data) = match (entry.kind, content) {
            (EntryKind::File | EntryKind::Executable, Some(content)) => content.smallest(),
            // Whoever unpacks a link wants its target as it is.
            (_, Some(content)) => (Method::Stored, content.raw()),
            (_, None) => (Method::Stored, &[][..]),
        };
        let name: Vec<u8> = entry.name_bytes().collect();
        let word = match (absent_word(entry.kind), content) {
            (Some(absent), None) => absent,
            _ => object_word(entry.kind),
        };
        let comment = format!("{word} {}", entry.id);
        let record = Record {
            name: &name,
            comment: comment.as_bytes(),
            mode: mode(entry.kind),
            time: self.time,
            method,
            crc: content.map_or(0, |content| content.crc),
            size: content.map_or(0, |content| content.size),
            compressed_size: u32::try_from(data.len()).unwrap_or(u32::MAX),
            offset: self.offset,
        };
        let header = record.local_header();
        record.append_to_directory(&mut self.directory);
        self.entries += 1;
        self.offset += (header.len() + data.len()) as u64;
        (header, data)
    }

    /// Bytes of headers and data so far.
    pub fn written(&self) -> u64 {
        self.offset
    }

    /// The directory and the end of the archive, whose comment is the commit, as `git archive`
    /// leaves it.
    pub fn finish(mut self, commit: &ObjectId) -> Vec<u8> {
        let end = End {
            entries: self.entries,
            directory_size: self.directory.len() as u64,
            directory_offset: self.offset,
        };
        end.append_to(&mut self.directory, commit.to_string().as_bytes());
        self.directory
    }
}

fn mode(kind: EntryKind) -> u32 {
    match kind {
        EntryKind::File => 0o100_644,
        EntryKind::Executable => 0o100_755,
        EntryKind::Link => 0o120_777,
        // A submodule is an empty folder, as `git clone` leaves it.
        EntryKind::Folder | EntryKind::Submodule => 0o040_755,
    }
}

fn object_word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::File | EntryKind::Executable | EntryKind::Link => "blob",
        EntryKind::Folder => "tree",
        EntryKind::Submodule => "commit",
    }
}

/// Stands for [`object_word`] where a partial bundle has an entry without its content.
fn absent_word(kind: EntryKind) -> Option<&'static str> {
    match kind {
        EntryKind::File | EntryKind::Executable | EntryKind::Link => Some("absent"),
        EntryKind::Folder | EntryKind::Submodule => None,
    }
}

#[cfg(test)]
mod tests;
