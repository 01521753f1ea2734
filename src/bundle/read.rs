//! A bundle's own directory, read again. Only what [`BundleWriter`](super::BundleWriter) leaves is
//! understood: anything else is no bundle, and whoever asks does without.

use std::ops::Range;

use gix_hash::ObjectId;

use super::record::{MAX16, MAX32, Method};
use super::{absent_word, mode, object_word};
use crate::git::EntryKind;

/// An entry as a bundle's directory tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// From the root, with slashes, without one at the end.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
    /// The id of its blob, tree or commit.
    pub id: ObjectId,
    /// Where its content is; `None` for folders, submodules, and what a partial bundle lacks.
    pub data: Option<Data>,
}

/// A content within an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data {
    /// How it is kept.
    pub method: Method,
    /// CRC-32 of the content.
    pub crc: u32,
    /// Bytes of the content.
    pub size: u32,
    /// Bytes of it in the archive.
    pub compressed_size: u32,
    /// The entry from its local header to the next entry's. The content is at its end.
    pub span: Range<u64>,
}

/// Bytes of an archive's end that are sure to hold all of its end records: 22 for the end itself,
/// 20 and 56 in zip64, and a comment of 40.
pub const END: usize = 22 + 20 + 56 + 40;

/// Where the directory of an archive of `length` bytes is, by its last bytes.
///
/// # Errors
///
/// Words that say what is no bundle about it.
pub fn directory_range(tail: &[u8], length: u64) -> Result<Range<u64>, String> {
    let earliest = tail.len().saturating_sub(END);
    let end = (earliest..tail.len().saturating_sub(21))
        .rev()
        .find(|&at| {
            tail[at..].starts_with(b"PK\x05\x06")
                && tail.len() - at - 22 == usize::from(u16_at(&tail[at..], 20))
        })
        .ok_or("it has no end record")?;
    let record = &tail[end..];
    let (entries, size, offset) = (u16_at(record, 10), u32_at(record, 12), u32_at(record, 16));
    let end_at = length - (tail.len() - end) as u64;
    let (size, offset, upto) = if entries == MAX16 || size == MAX32 || offset == MAX32 {
        let zip64 = end
            .checked_sub(76)
            .map(|at| &tail[at..end])
            .filter(|records| {
                records.starts_with(b"PK\x06\x06") && records[56..].starts_with(b"PK\x06\x07")
            })
            .ok_or("it has no zip64 end record")?;
        (u64_at(zip64, 40), u64_at(zip64, 48), end_at - 76)
    } else {
        (u64::from(size), u64::from(offset), end_at)
    };
    if offset.checked_add(size) != Some(upto) {
        return Err("its directory is not where its end says".to_owned());
    }
    Ok(offset..upto)
}

/// The entries of a directory that begins at `offset` in its archive.
///
/// # Errors
///
/// Words that say what is no bundle about it.
pub fn entries(directory: &[u8], offset: u64) -> Result<Vec<Listed>, String> {
    let mut starts = Vec::new();
    let mut entries = Vec::new();
    let mut rest = directory;
    while !rest.is_empty() {
        let (entry, start, length) =
            record(rest).ok_or_else(|| format!("its entry {} is none of ours", entries.len()))?;
        if starts.last().is_some_and(|last| *last >= start) || start >= offset {
            return Err(format!("its entry {} is out of place", entries.len()));
        }
        starts.push(start);
        entries.push(entry);
        rest = &rest[length..];
    }
    let ends = starts.iter().skip(1).chain([&offset]);
    for ((entry, start), end) in entries.iter_mut().zip(&starts).zip(ends) {
        if let Some(data) = &mut entry.data {
            data.span = *start..*end;
            if end - start < 30 + u64::from(data.compressed_size) {
                return Err(format!("{} has no room for its content", entry.path));
            }
        }
    }
    Ok(entries)
}

/// One directory record: its entry, where the entry begins, and how long the record is.
fn record(bytes: &[u8]) -> Option<(Listed, u64, usize)> {
    let head = bytes
        .get(..46)
        .filter(|head| head.starts_with(b"PK\x01\x02"))?;
    let [name, extra, comment] = [28, 30, 32].map(|at| usize::from(u16_at(head, at)));
    let rest = bytes.get(46..46 + name + extra + comment)?;
    let (name_bytes, rest) = rest.split_at(name);
    let (extra_bytes, comment_bytes) = rest.split_at(extra);

    let path = std::str::from_utf8(name_bytes).ok()?;
    let comment_text = std::str::from_utf8(comment_bytes).ok()?;
    let (word, id) = comment_text.split_once(' ')?;
    let id = ObjectId::from_hex(id.as_bytes()).ok()?;
    let unix_mode = u32_at(head, 38) >> 16;
    let kind = [
        EntryKind::File,
        EntryKind::Executable,
        EntryKind::Link,
        EntryKind::Folder,
        EntryKind::Submodule,
    ]
    .into_iter()
    .find(|kind| {
        mode(*kind) == unix_mode && (object_word(*kind) == word || absent_word(*kind) == Some(word))
    })?;
    let is_folder = matches!(kind, EntryKind::Folder | EntryKind::Submodule);
    let method = match u16_at(head, 10) {
        0 => Method::Stored,
        8 => Method::Deflated,
        _ => return None,
    };
    let start = match u32_at(head, 42) {
        MAX32 => u64_at(
            extra_of(extra_bytes, 0x0001).filter(|field| field.len() == 8)?,
            0,
        ),
        start => u64::from(start),
    };
    let data = Data {
        method,
        crc: u32_at(head, 16),
        size: u32_at(head, 24),
        compressed_size: u32_at(head, 20),
        span: start..start,
    };
    let path = match (is_folder, path.strip_suffix('/')) {
        (true, Some(path)) => path,
        (false, None) => path,
        _ => return None,
    };
    let entry = Listed {
        path: path.to_owned(),
        kind,
        id,
        data: (!is_folder && object_word(kind) == word).then_some(data),
    };
    Some((entry, start, 46 + name + extra + comment))
}

/// The extra field with this header id.
fn extra_of(mut fields: &[u8], wanted: u16) -> Option<&[u8]> {
    while fields.len() >= 4 {
        let length = usize::from(u16_at(fields, 2));
        let content = fields.get(4..4 + length)?;
        if u16_at(fields, 0) == wanted {
            return Some(content);
        }
        fields = &fields[4 + length..];
    }
    None
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

#[cfg(test)]
mod tests;
