//! Where a `ZipWriter` writes: each entry's bytes are taken as soon as they are whole.

use std::cell::RefCell;
use std::io::{self, Seek, SeekFrom, Write};

use bytes::BytesMut;

/// What was written since the last time, and where in the archive it ends.
pub(super) struct Output {
    /// The crate lends its writer for reading only.
    untaken: RefCell<BytesMut>,
    end: u64,
}

impl Output {
    /// Goes on at this position of an archive.
    pub(super) fn starting_at(position: u64) -> Self {
        Self {
            untaken: RefCell::default(),
            end: position,
        }
    }

    /// What was written since the last time.
    pub(super) fn take(&self) -> BytesMut {
        self.untaken.borrow_mut().split()
    }

    /// The position at which the next byte is written.
    pub(super) fn position(&self) -> u64 {
        self.end
    }
}

impl Write for Output {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.untaken.get_mut().extend_from_slice(data);
        self.end += data.len() as u64;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Answers where the end is. The crate goes nowhere else, since it writes only what it has whole.
impl Seek for Output {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Start(position) if position != self.end => {
                Err(io::Error::other("these bytes of the archive have left"))
            }
            SeekFrom::End(offset) | SeekFrom::Current(offset) if offset != 0 => {
                Err(io::Error::other("these bytes of the archive have left"))
            }
            _ => Ok(self.end),
        }
    }
}
