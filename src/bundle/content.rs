//! A blob's bytes, verified and compressed: work for a thread of its own.

use std::cell::RefCell;

use gix_hash::ObjectId;
use libdeflater::{CompressionLvl, Compressor};

use super::record::Method;
use crate::git;

/// A verified blob, ready to become one entry or several.
#[derive(Debug)]
pub struct Content {
    /// CRC-32 of the bytes.
    pub crc: u32,
    /// How many bytes there are.
    pub size: u32,
    /// Kept where it is stored as it is, or asked for.
    raw: Option<Vec<u8>>,
    /// Only where it is shorter.
    deflated: Option<Vec<u8>>,
}

/// In which forms a blob is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// A link has this target.
    pub as_link: bool,
    /// A file has this content.
    pub as_file: bool,
}

/// Begins a Git LFS pointer:
/// <https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md>; none is longer than this.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
const LONGEST_LFS_POINTER: usize = 1024;

thread_local! {
    // Making one costs more than compressing a small file with it.
    static COMPRESSOR: RefCell<Compressor> = RefCell::new(Compressor::new(CompressionLvl::default()));
}

impl Content {
    /// Hashes and compresses; for a thread that may be busy for milliseconds.
    ///
    /// # Errors
    ///
    /// What the bytes hash to, where it is not `expected`.
    pub fn verify(raw: Vec<u8>, expected: &ObjectId, wanted: Wanted) -> Result<Self, String> {
        let id = git::blob_id(&raw)?;
        if id != *expected {
            return Err(id.to_string());
        }
        Ok(Self::of(raw, wanted))
    }

    fn of(raw: Vec<u8>, wanted: Wanted) -> Self {
        let deflated = if wanted.as_file { deflate(&raw) } else { None };
        Self {
            crc: crc32fast::hash(&raw),
            size: u32::try_from(raw.len()).unwrap_or(u32::MAX),
            raw: (wanted.as_link || deflated.is_none()).then_some(raw),
            deflated,
        }
    }

    /// Whether these bytes stand for a file that Git LFS keeps elsewhere.
    pub fn is_lfs_pointer(raw: &[u8]) -> bool {
        raw.len() <= LONGEST_LFS_POINTER && raw.starts_with(LFS_POINTER)
    }

    pub(super) fn smallest(&self) -> (Method, &[u8]) {
        match &self.deflated {
            Some(deflated) => (Method::Deflated, deflated),
            None => (Method::Stored, self.raw()),
        }
    }

    pub(super) fn raw(&self) -> &[u8] {
        self.raw.as_deref().unwrap_or_default()
    }
}

/// Level 6 of libdeflate makes what zlib's level 6 makes, faster (see docs/performance.md).
/// `None` where it would not shrink.
fn deflate(raw: &[u8]) -> Option<Vec<u8>> {
    let mut shorter = vec![0; raw.len().checked_sub(1)?];
    let length = COMPRESSOR
        .with_borrow_mut(|compressor| compressor.deflate_compress(raw, &mut shorter))
        .ok()?;
    shorter.truncate(length);
    shorter.shrink_to_fit();
    Some(shorter)
}
