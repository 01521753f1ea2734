//! A blob's bytes, verified and compressed: work for a thread of its own.

use gix_hash::ObjectId;
use zip::result::ZipResult;
use zip::{CompressionMethod, DateTime, PreparedZipFile};

use super::{name, object_word, options};
use crate::git::{self, Entry, EntryKind};

/// Begins a Git LFS pointer:
/// <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>; none is longer than this.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
const LONGEST_LFS_POINTER: usize = 1024;

/// Whether these bytes are the blob's.
///
/// # Errors
///
/// What they hash to instead.
pub fn verify(raw: &[u8], expected: &ObjectId) -> Result<(), String> {
    let id = git::blob_id(raw)?;
    if id == *expected {
        Ok(())
    } else {
        Err(id.to_string())
    }
}

/// The entry of a file or link with this content. Stored where deflate does not shrink it, and
/// where it is a link's target.
///
/// # Errors
///
/// What the zip format cannot hold.
pub fn compress(entry: &Entry<'_>, raw: &[u8], time: DateTime) -> ZipResult<PreparedZipFile> {
    let prepare = |method| {
        let options = options(entry, object_word(entry.kind), time, method);
        PreparedZipFile::from_data(name(entry), options, raw)
    };
    if entry.kind != EntryKind::Link && !raw.is_empty() {
        let deflated = prepare(CompressionMethod::Deflated)?;
        if deflated.compressed_size() < raw.len() as u64 {
            return Ok(deflated);
        }
    }
    prepare(CompressionMethod::Stored)
}

/// Whether a file stands for one that Git LFS keeps elsewhere.
pub fn is_lfs_pointer(entry: &Entry<'_>, raw: &[u8]) -> bool {
    entry.kind != EntryKind::Link
        && raw.len() <= LONGEST_LFS_POINTER
        && raw.starts_with(LFS_POINTER)
}
