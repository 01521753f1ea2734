//! A blob's bytes, verified and compressed: work for a thread of its own.

use std::cell::RefCell;

use gix_hash::ObjectId;
use libdeflater::{CompressionLvl, Compressor, Decompressor};

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
    /// Whether it stands for a file that Git LFS keeps elsewhere.
    pub is_lfs_pointer: bool,
}

/// A content as an earlier bundle keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    /// What [`Self::method`] left of the content.
    pub data: &'a [u8],
    /// How it is kept.
    pub method: Method,
    /// CRC-32 of the content, as that bundle's directory says.
    pub crc: u32,
    /// Bytes of the content, as that bundle's directory says.
    pub size: u32,
    /// Whether it was an entry of a link, which is never compressed.
    pub as_link: bool,
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
    static DECOMPRESSOR: RefCell<Decompressor> = RefCell::new(Decompressor::new());
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
        let deflated = if wanted.as_file { deflate(&raw) } else { None };
        let crc = crc32fast::hash(&raw);
        Ok(Self::of(raw, crc, deflated, wanted))
    }

    /// Takes over what an earlier bundle keeps, its compressed bytes as they are. It is inflated
    /// and hashed all the same: a base that was damaged never becomes a bundle.
    ///
    /// # Errors
    ///
    /// Words that say what does not fit.
    pub fn take_over(kept: Kept<'_>, expected: &ObjectId, wanted: Wanted) -> Result<Self, String> {
        let raw = match kept.method {
            Method::Stored => kept.data.to_vec(),
            Method::Deflated => inflate(kept.data, kept.size)?,
        };
        let crc = crc32fast::hash(&raw);
        if crc != kept.crc || u64::from(kept.size) != raw.len() as u64 {
            return Err(format!("its CRC-32 is {crc:08x} and not {:08x}", kept.crc));
        }
        let id = git::blob_id(&raw)?;
        if id != *expected {
            return Err(format!("it hashes to {id}"));
        }
        let deflated = match kept.method {
            Method::Deflated => Some(kept.data.to_vec()),
            Method::Stored if kept.as_link && wanted.as_file => deflate(&raw),
            Method::Stored => None,
        };
        Ok(Self::of(raw, crc, deflated, wanted))
    }

    fn of(raw: Vec<u8>, crc: u32, deflated: Option<Vec<u8>>, wanted: Wanted) -> Self {
        Self {
            crc,
            size: u32::try_from(raw.len()).unwrap_or(u32::MAX),
            is_lfs_pointer: wanted.as_file
                && raw.len() <= LONGEST_LFS_POINTER
                && raw.starts_with(LFS_POINTER),
            raw: (wanted.as_link || deflated.is_none()).then_some(raw),
            deflated,
        }
    }

    /// Bytes that it keeps in memory.
    pub fn held(&self) -> usize {
        self.raw().len() + self.deflated.as_ref().map_or(0, Vec::len)
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

/// Exactly `size` bytes out of something shorter, as [`deflate`] made it.
fn inflate(deflated: &[u8], size: u32) -> Result<Vec<u8>, String> {
    let size = usize::try_from(size).map_err(|error| error.to_string())?;
    if deflated.len() >= size {
        return Err("it is deflated and not shorter".to_owned());
    }
    let mut raw = vec![0; size];
    let length = DECOMPRESSOR
        .with_borrow_mut(|decompressor| decompressor.deflate_decompress(deflated, &mut raw))
        .map_err(|error| error.to_string())?;
    if length != size {
        return Err(format!("it inflates to {length} bytes and not {size}"));
    }
    Ok(raw)
}
