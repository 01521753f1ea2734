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

/// From this size on, a content is deflated only if a sample of it shrinks by a thirty-second. Images and
/// archives do not shrink. Deflating a gigabyte of such files, only to store them, took three quarters of
/// a push's processor time.
const SAMPLED: usize = 64 * 1024;

/// The entry of a file or link with this content. Stored where deflate does not shrink it, and
/// where it is a link's target.
///
/// # Errors
///
/// What the zip format cannot hold.
pub fn compress(entry: &Entry<'_>, raw: &[u8], time: DateTime) -> ZipResult<PreparedZipFile> {
    let prepare = |method, raw: &[u8]| {
        let options = options(entry, object_word(entry.kind), time, method);
        PreparedZipFile::from_data(name(entry), options, raw)
    };
    let deflate = |raw: &[u8]| prepare(CompressionMethod::Deflated, raw);
    let may_shrink = entry.kind != EntryKind::Link
        && !raw.is_empty()
        && (raw.len() < SAMPLED || {
            let sample = sample(raw);
            deflate(&sample)?.compressed_size() < (sample.len() / 32 * 31) as u64
        });
    if may_shrink {
        let deflated = deflate(raw)?;
        if deflated.compressed_size() < raw.len() as u64 {
            return Ok(deflated);
        }
    }
    prepare(CompressionMethod::Stored, raw)
}

/// A sixteenth of a content, 32 KiB at most: four pieces, as far from each other as they can be.
fn sample(raw: &[u8]) -> Vec<u8> {
    let length = (raw.len() / 64).min(8 * 1024);
    let step = (raw.len() - length) / 3;
    let piece = |number| raw[number * step..].iter().take(length);
    (0..4).flat_map(piece).copied().collect()
}

/// Whether a file stands for one that Git LFS keeps elsewhere.
pub fn is_lfs_pointer(entry: &Entry<'_>, raw: &[u8]) -> bool {
    entry.kind != EntryKind::Link
        && raw.len() <= LONGEST_LFS_POINTER
        && raw.starts_with(LFS_POINTER)
}
