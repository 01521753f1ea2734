//! A bundle is read again: its directory once, its contents later, out of ranges of it. Only what
//! [`BundleWriter`](super::BundleWriter) leaves is understood: anything else is not a bundle, and
//! the push does without.

use std::borrow::Cow;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use gix_hash::ObjectId;
use zip::read::{ArchiveOffset, Config, ZipArchiveMetadata, ZipFile, ZipFileEntry};
use zip::result::ZipResult;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipReadOptions, ZipWriter};

use super::output::Output;
use super::{ABSENT, is_folder, mode, object_word};
use crate::git::{Entry, EntryKind};

/// The directory of a bundle.
#[derive(Debug)]
pub struct Directory {
    archive: ZipArchive<Slice>,
    listed: Vec<Listed>,
}

/// What the directory says of an entry beyond what the archive's own records hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What it is.
    pub kind: EntryKind,
    /// The id of its blob, tree or commit.
    pub id: ObjectId,
    /// Whether its content is there: a partial bundle lacks some, and folders have none.
    pub has_content: bool,
    /// The first entry after it that is not within it.
    pub end: usize,
}

/// Why the directory cannot be read.
#[derive(Debug)]
pub enum Unreadable {
    /// These bytes are needed too.
    Missing(Range<u64>),
    /// What is wrong with the archive.
    NotABundle(String),
}

/// An entry of an earlier bundle, copied as it is.
pub struct Unchanged {
    metadata: Arc<ZipArchiveMetadata>,
    index: usize,
    bytes: Slice,
}

/// Some of an archive's bytes, at their place in it.
#[derive(Clone, Debug)]
pub struct Slice {
    /// The bytes.
    bytes: Bytes,
    /// Where in the archive they begin.
    start: u64,
    /// How long the archive is.
    length: u64,
    position: u64,
    /// Where somebody wanted to read and the bytes were not there.
    missed: Arc<OnceLock<u64>>,
}

impl Directory {
    /// Reads the directory of an archive of `length` bytes out of its last ones: all of it, or two
    /// kilobytes at least, since its end is looked for in blocks of so many.
    ///
    /// # Errors
    ///
    /// More bytes are needed, or it is not a bundle.
    pub fn read(tail: Bytes, length: u64) -> Result<Self, Unreadable> {
        let start = length.saturating_sub(tail.len() as u64);
        let tail = Slice::of(tail, start, length);
        let missed = tail.missed.clone();
        let whole = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let archive = ZipArchive::with_config(whole, tail).map_err(|error| match missed.get() {
            Some(missing) if *missing < start => Unreadable::Missing(*missing..start),
            _ => Unreadable::NotABundle(error.to_string()),
        })?;
        let listed = list(&archive).map_err(Unreadable::NotABundle)?;
        Ok(Self { archive, listed })
    }

    /// Where it is in the archive.
    pub fn start(&self) -> u64 {
        self.archive.central_directory_start()
    }

    /// Its entries, in their order.
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// An entry's path from the root, without a slash at the end.
    pub fn path(&self, index: usize) -> Cow<'_, str> {
        let name = self.archive.name_for_index(index).and_then(Result::ok);
        match name.unwrap_or_default() {
            Cow::Borrowed(name) => name.trim_end_matches('/').into(),
            Cow::Owned(name) => name.into(),
        }
    }

    /// The entry of the same path, kind and content.
    pub fn find(&self, entry: &Entry<'_>) -> Option<usize> {
        let index = self.archive.index_for_name_raw(entry.path.as_bytes())?;
        let listed = self.listed.get(index)?;
        let is_same = listed.has_content && listed.kind == entry.kind && listed.id == entry.id;
        is_same.then_some(index)
    }

    /// Where an entry is in the archive, from its header to the next entry's.
    pub fn range(&self, index: usize) -> Range<u64> {
        let start = |index| match self.archive.by_index_data(index) {
            Ok(record) => record.header_start(),
            Err(_) => self.start(),
        };
        start(index)..start(index + 1)
    }

    /// Bytes of a content in the archive, and bytes of it.
    pub fn sizes(&self, index: usize) -> (usize, usize) {
        let size = |bytes| usize::try_from(bytes).unwrap_or(usize::MAX);
        let record = self.archive.by_index_data(index);
        record.map_or((0, 0), |record| {
            (size(record.compressed_size()), size(record.size()))
        })
    }

    /// An entry's content, as its CRC-32 says.
    ///
    /// # Errors
    ///
    /// Words that say what is damaged.
    pub fn content(&self, index: usize, slice: &Slice) -> Result<Vec<u8>, String> {
        let mut slice = slice.clone();
        let mut read = || -> ZipResult<Vec<u8>> {
            let metadata = self.archive.metadata();
            let mut file = open(&metadata, index, &mut slice)?;
            let mut raw = Vec::new();
            raw.try_reserve_exact(self.sizes(index).1)
                .map_err(io::Error::other)?;
            file.read_to_end(&mut raw)?;
            Ok(raw)
        };
        read().map_err(|error| error.to_string())
    }

    /// An entry, to be copied as it is.
    pub fn unchanged(&self, index: usize, bytes: Slice) -> Unchanged {
        let metadata = self.archive.metadata();
        Unchanged {
            metadata,
            index,
            bytes,
        }
    }
}

impl Unchanged {
    pub(super) fn compressed_size(&self) -> u64 {
        let record = self.metadata.entry(self.index);
        record.map_or(0, |record| record.compressed_size())
    }

    /// All of it but the time stays what it was: its name, mode, comment and compressed bytes.
    pub(super) fn copy_to(mut self, zip: &mut ZipWriter<Output>, time: DateTime) -> ZipResult<()> {
        let file = open(&self.metadata, self.index, &mut self.bytes)?;
        zip.raw_copy_file_touch(file, time, None)
    }
}

impl Slice {
    /// Bytes that begin at `start` in an archive of `length`.
    pub fn of(bytes: Bytes, start: u64, length: u64) -> Self {
        Self {
            bytes,
            start,
            length,
            position: 0,
            missed: Arc::default(),
        }
    }
}

impl Read for Slice {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let within = self.position.checked_sub(self.start);
        let within = within.and_then(|within| usize::try_from(within).ok());
        let Some(bytes) = within.and_then(|within| self.bytes.get(within..)) else {
            // Only the first one counts.
            let _ = self.missed.set(self.position);
            return Err(io::Error::other("these bytes of the archive are not here"));
        };
        let length = bytes.len().min(out.len());
        out[..length].copy_from_slice(&bytes[..length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for Slice {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

fn open<'a>(
    metadata: &'a ZipArchiveMetadata,
    index: usize,
    bytes: &'a mut Slice,
) -> ZipResult<ZipFile<'a, Slice>> {
    let record = metadata.entry(index)?;
    record.with_reader(bytes, ZipReadOptions::new())
}

/// What each record means, or what about the archive is not a bundle's.
fn list(archive: &ZipArchive<Slice>) -> Result<Vec<Listed>, String> {
    if archive.has_duplicate_names() {
        return Err("it has a name twice".to_owned());
    }
    let mut listed: Vec<Listed> = Vec::with_capacity(archive.len());
    // Folders that the entry is in.
    let mut within: Vec<(usize, Cow<'_, str>)> = Vec::new();
    let mut end = 0;
    for index in 0..archive.len() {
        let name = archive.name_for_index(index).and_then(Result::ok);
        let record = archive.by_index_data(index).ok();
        let (Some(name), Some(record)) = (name, record) else {
            return Err(format!("its entry {index} cannot be read"));
        };
        let start = record.header_start();
        if start < end || start >= archive.central_directory_start() {
            return Err(format!("its entry {index} is out of place"));
        }
        end = start + 30 + record.compressed_size().min(u64::from(u32::MAX));
        let entry = meaning(&name, &record)
            .ok_or_else(|| format!("its entry {index} is not a bundle's"))?;
        while let Some((folder, path)) = within.last()
            && !name.starts_with(&**path)
        {
            listed[*folder].end = index;
            within.pop();
        }
        listed.push(Listed {
            end: index + 1,
            ..entry
        });
        if entry.kind == EntryKind::Tree {
            within.push((index, name));
        }
    }
    if end > archive.central_directory_start() {
        return Err("its last entry is cut short".to_owned());
    }
    for (folder, _) in within {
        listed[folder].end = listed.len();
    }
    Ok(listed)
}

fn meaning(name: &str, record: &ZipFileEntry<'_>) -> Option<Listed> {
    let (word, id) = record.comment().split_once(' ')?;
    let id = ObjectId::from_hex(id.as_bytes()).ok()?;
    let kind = [
        EntryKind::Blob,
        EntryKind::BlobExecutable,
        EntryKind::Link,
        EntryKind::Tree,
        EntryKind::Commit,
    ]
    .into_iter()
    .find(|kind| {
        let is_word = word == object_word(*kind) || (word == ABSENT && !is_folder(*kind));
        is_word && record.unix_mode() == Some(mode(*kind))
    })?;
    let has_content = !is_folder(kind) && word != ABSENT;
    let is_known = matches!(
        record.compression(),
        CompressionMethod::Stored | CompressionMethod::Deflated
    );
    (is_known && is_folder(kind) == name.ends_with('/')).then_some(Listed {
        kind,
        id,
        has_content,
        end: 0,
    })
}

#[cfg(test)]
mod tests;
