//! The end of an archive, which the `zip` crate writes only for the entries of one `ZipWriter`.

use zip::{ZIP64_BYTES_THR, ZIP64_ENTRY_THR};

/// What stands after a directory of so many entries and bytes that begins at `start`: the end
/// record with the archive's comment, and before it what zip64 adds where the numbers are larger
/// than the end record can hold (APPNOTE 4.3.14 to 4.3.16,
/// <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>).
pub(super) fn end_of_archive(entries: usize, start: u64, size: u64, comment: &str) -> Vec<u8> {
    let mut end = Vec::new();
    let is_zip64 = entries > ZIP64_ENTRY_THR || start.max(size) > ZIP64_BYTES_THR;
    if is_zip64 {
        let entries = (entries as u64).to_le_bytes();
        end.extend(b"PK\x06\x06");
        // Bytes of this record from here on.
        end.extend(44_u64.to_le_bytes());
        // The version that wrote it and the one that it needs: 4.5, the first with zip64.
        end.extend([45, 0, 45, 0]);
        // Two numbers of disks.
        end.extend([0; 8]);
        end.extend([entries, entries, size.to_le_bytes(), start.to_le_bytes()].as_flattened());
        // Where that record is, between the number of its disk and how many disks there are.
        end.extend(b"PK\x06\x07\0\0\0\0");
        end.extend((start + size).to_le_bytes());
        end.extend(1_u32.to_le_bytes());
    }
    let entries = u16::try_from(entries).unwrap_or(u16::MAX).to_le_bytes();
    let size = u32::try_from(size).ok().filter(|_| !is_zip64);
    let length = u16::try_from(comment.len()).unwrap_or(u16::MAX);
    end.extend(b"PK\x05\x06\0\0\0\0");
    end.extend([entries, entries].as_flattened());
    end.extend(size.unwrap_or(u32::MAX).to_le_bytes());
    end.extend(u32::try_from(start).unwrap_or(u32::MAX).to_le_bytes());
    end.extend(length.to_le_bytes());
    end.extend(&comment.as_bytes()[..length.into()]);
    end
}
