//! A commit's entries become the bytes of a zip, and these alone decide what they are: same
//! commit, same time, same bytes, whether they were fetched or taken over from an earlier bundle.
//!
//! The `zip` crate writes all of it but the archive's end. A reader must need no data descriptors
//! (links fail without sizes: <https://github.com/saracen/fastzip/pull/48>), so entries are
//! compressed before they are added.

mod compress;
mod end;
mod output;
pub mod read;

use std::mem;

use bytes::BytesMut;
use gix_hash::ObjectId;
use time::{OffsetDateTime, UtcOffset};
use zip::result::{ZipError, ZipResult};
use zip::write::FullFileOptions;
use zip::{CompressionMethod, DateTime, PreparedZipFile, System, ZipWriter};

pub use compress::{compress, is_lfs_pointer, verify};

use crate::error::Error;
use crate::git::{Entry, EntryKind};
use end::end_of_archive;
use output::Output;
use read::Unchanged;

/// Entries whose records of the directory stay with the crate, which takes 430 bytes for each, in
/// small pieces between which the memory of large ones would be lost.
const MOST_RECORDS: usize = 1_000;

/// Writes one bundle.
pub struct BundleWriter {
    zip: ZipWriter<Output>,
    time: DateTime,
    /// The records of the directory that the crate no longer keeps, as they are written, and how
    /// many.
    directory: Vec<u8>,
    gathered: usize,
    /// Records that the crate keeps.
    kept: usize,
}

/// What an entry is added with.
pub enum Content {
    /// Nothing: a folder, a submodule, or what a partial bundle leaves out.
    None,
    /// A file or link, compressed.
    Compressed(Box<PreparedZipFile>),
    /// The same entry of an earlier bundle.
    Unchanged(Unchanged),
}

impl Content {
    /// Bytes that it keeps in memory.
    pub fn bytes(&self) -> usize {
        let bytes = match self {
            Self::None => 0,
            Self::Compressed(file) => file.compressed_size(),
            Self::Unchanged(unchanged) => unchanged.compressed_size(),
        };
        usize::try_from(bytes).unwrap_or(usize::MAX)
    }
}

impl From<ZipError> for Error {
    /// Nothing that can be in a tree is too large for a zip, and writing to memory does not fail.
    fn from(error: ZipError) -> Self {
        Self::Panicked(format!("the bundle cannot be written: {error}"))
    }
}

impl BundleWriter {
    /// Begins a bundle whose every entry has this time.
    pub fn new(time: DateTime) -> Self {
        Self::starting_at(time, 0)
    }

    fn starting_at(time: DateTime, position: u64) -> Self {
        Self {
            zip: ZipWriter::new(Output::starting_at(position)),
            time,
            directory: Vec::new(),
            gathered: 0,
            kept: 0,
        }
    }

    /// Adds the next entry, and answers its bytes. Entries come in the order of
    /// `tree::Entries`.
    ///
    /// # Errors
    ///
    /// What the zip format cannot hold: a defect, since the walk lets no such entry pass.
    pub fn add(&mut self, entry: &Entry<'_>, content: Content) -> ZipResult<BytesMut> {
        if self.kept == MOST_RECORDS {
            self.gather_records()?;
        }
        match content {
            Content::None => {
                let word = if is_folder(entry.kind) {
                    object_word(entry.kind)
                } else {
                    ABSENT
                };
                let options = options(entry, word, self.time, CompressionMethod::Stored);
                let empty = PreparedZipFile::from_data(name(entry), options, &[])?;
                self.zip.add_prepared_file(empty)?;
            }
            Content::Compressed(file) => self.zip.add_prepared_file(*file)?,
            Content::Unchanged(unchanged) => unchanged.copy_to(&mut self.zip, self.time)?,
        }
        self.kept += 1;
        Ok(self.output()?.take())
    }

    /// Ends the archive, whose comment is the commit, as `git archive` leaves it. Answers the
    /// bytes of the directory and of the end, and how many the whole archive has.
    ///
    /// # Errors
    ///
    /// As for [`add`](Self::add).
    pub fn finish(mut self, commit: &ObjectId) -> ZipResult<(Vec<u8>, u64)> {
        self.gather_records()?;
        let start = self.output()?.position();
        let mut bytes = self.directory;
        let size = bytes.len() as u64;
        bytes.extend(end_of_archive(
            self.gathered,
            start,
            size,
            &commit.to_string(),
        ));
        let length = start + bytes.len() as u64;
        Ok((bytes, length))
    }

    /// Ends the present `ZipWriter`, keeps the directory that it writes, and drops its end record.
    fn gather_records(&mut self) -> ZipResult<()> {
        let position = self.output()?.position();
        let next = ZipWriter::new(Output::starting_at(position));
        let written = mem::replace(&mut self.zip, next).finish()?.take();
        let end = end_of_archive(self.kept, position, 0, "").len();
        self.directory
            .extend_from_slice(&written[..written.len() - end]);
        self.gathered += mem::take(&mut self.kept);
        Ok(())
    }

    fn output(&self) -> ZipResult<&Output> {
        let closed = ZipError::InvalidArchive("it was closed by an earlier error".into());
        self.zip.get_ref().ok_or(closed)
    }
}

/// A time as a zip can say it: in UTC, as the clock of CodeBuild's images is, to two seconds, from
/// 1980 to the end of 2107. `raw_copy_file_touch` keeps no finer one, and a bundle is to have the
/// same bytes with a base and without.
pub fn zip_time(time: OffsetDateTime) -> DateTime {
    let time = time.checked_to_offset(UtcOffset::UTC).unwrap_or(time);
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    let said = u16::try_from(year).ok().and_then(|year| {
        DateTime::from_date_and_time(year, month.into(), day, hour, minute, second).ok()
    });
    said.unwrap_or_else(|| {
        let last = DateTime::from_date_and_time(2107, 12, 31, 23, 59, 58);
        last.ok().filter(|_| year > 2107).unwrap_or_default()
    })
}

fn options(
    entry: &Entry<'_>,
    word: &str,
    time: DateTime,
    method: CompressionMethod,
) -> FullFileOptions<'static, 'static> {
    let dos_directory = if is_folder(entry.kind) { 0x10 } else { 0 };
    FullFileOptions::default()
        .system(System::Unix)
        .external_attributes(mode(entry.kind) << 16 | dos_directory)
        .last_modified_time(time)
        .compression_method(method)
        .with_file_comment(format!("{word} {}", entry.id))
}

/// A folder's ends with a slash.
fn name(entry: &Entry<'_>) -> String {
    let slash = if is_folder(entry.kind) { "/" } else { "" };
    format!("{}{slash}", entry.path)
}

/// Folders in a zip have no content.
fn is_folder(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Tree | EntryKind::Commit)
}

/// The mode as Unix's tools read it. No document says whether CodeBuild makes links and executables of
/// these modes. The acceptance test runs a build that looks.
fn mode(kind: EntryKind) -> u32 {
    match kind {
        EntryKind::Blob => 0o100_644,
        EntryKind::BlobExecutable => 0o100_755,
        EntryKind::Link => 0o120_777,
        // A submodule is an empty folder, as `git clone` leaves it.
        EntryKind::Tree | EntryKind::Commit => 0o040_755,
    }
}

fn object_word(kind: EntryKind) -> &'static str {
    match kind {
        EntryKind::Blob | EntryKind::BlobExecutable | EntryKind::Link => "blob",
        EntryKind::Tree => "tree",
        EntryKind::Commit => "commit",
    }
}

/// Stands for [`object_word`] where a partial bundle has an entry without its content.
const ABSENT: &str = "absent";

#[cfg(test)]
mod tests;
