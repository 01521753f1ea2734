//! The records of a zip, byte for byte, as APPNOTE.TXT 6.3.10 lays them out.

use time::OffsetDateTime;

/// "Version made by": Unix (3), so that modes are believed, and version 4.5 of the format.
const MADE_BY: u16 = 0x032d;
/// Bit 11: the name is UTF-8. As in `git archive`, only set where ASCII does not do.
const UTF8: u16 = 1 << 11;
/// MS-DOS's attribute of a directory.
const DOS_DIRECTORY: u32 = 0x10;
/// In a 16-bit or 32-bit field: the value stands in a zip64 record.
pub const MAX16: u16 = u16::MAX;
pub const MAX32: u32 = u32::MAX;

/// How an entry's data is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// As it is.
    Stored,
    /// Deflated.
    Deflated,
}

/// What a local header and a directory record say of one entry.
pub struct Entry<'a> {
    pub name: &'a [u8],
    pub comment: &'a [u8],
    /// Unix's mode, type bits included.
    pub mode: u32,
    pub time: OffsetDateTime,
    pub method: Method,
    pub crc: u32,
    pub size: u32,
    pub compressed_size: u32,
    /// Of the local header, from the archive's start.
    pub offset: u64,
}

impl Entry<'_> {
    /// What stands before the data.
    pub fn local_header(&self) -> Vec<u8> {
        let extra = self.unix_time();
        let mut out = Vec::with_capacity(30 + self.name.len() + extra.len());
        out.extend_from_slice(b"PK\x03\x04");
        self.append_common(&mut out);
        put16(&mut out, short(self.name.len()));
        put16(&mut out, short(extra.len()));
        out.extend_from_slice(self.name);
        out.extend_from_slice(&extra);
        out
    }

    /// The record that makes a reader find it.
    pub fn append_to_directory(&self, out: &mut Vec<u8>) {
        let mut extra = self.unix_time();
        let offset = u32::try_from(self.offset).unwrap_or(MAX32);
        if offset == MAX32 {
            put16(&mut extra, 0x0001);
            put16(&mut extra, 8);
            put64(&mut extra, self.offset);
        }
        out.extend_from_slice(b"PK\x01\x02");
        put16(out, MADE_BY);
        self.append_common(out);
        put16(out, short(self.name.len()));
        put16(out, short(extra.len()));
        put16(out, short(self.comment.len()));
        put16(out, 0); // the disk it is on
        put16(out, 0); // internal attributes
        let directory = if self.is_folder() { DOS_DIRECTORY } else { 0 };
        put32(out, self.mode << 16 | directory);
        put32(out, offset);
        out.extend_from_slice(self.name);
        out.extend_from_slice(&extra);
        out.extend_from_slice(self.comment);
    }

    fn append_common(&self, out: &mut Vec<u8>) {
        let (method, mut needed) = match self.method {
            Method::Stored => (0, 10),
            Method::Deflated => (8, 20),
        };
        if self.is_folder() {
            needed = 20;
        }
        if self.offset >= u64::from(MAX32) {
            needed = 45;
        }
        put16(out, needed);
        put16(out, if self.name.is_ascii() { 0 } else { UTF8 });
        put16(out, method);
        let (date, time) = dos_time(self.time);
        put16(out, time);
        put16(out, date);
        put32(out, self.crc);
        put32(out, self.compressed_size);
        put32(out, self.size);
    }

    fn is_folder(&self) -> bool {
        self.name.ends_with(b"/")
    }

    /// Info-ZIP's extended timestamp: seconds since 1970, where MS-DOS's time has no time zone and
    /// is read as local time.
    fn unix_time(&self) -> Vec<u8> {
        let mut extra = Vec::with_capacity(9);
        if let Ok(seconds) = i32::try_from(self.time.unix_timestamp()) {
            put16(&mut extra, 0x5455);
            put16(&mut extra, 5);
            extra.push(1); // the time of modification alone
            extra.extend_from_slice(&seconds.to_le_bytes());
        }
        extra
    }
}

/// What stands at the end of an archive.
pub struct End {
    pub entries: u64,
    pub directory_size: u64,
    pub directory_offset: u64,
}

impl End {
    /// Appends the end, in zip64 too where a number needs it.
    pub fn append_to(&self, out: &mut Vec<u8>, comment: &[u8]) {
        let entries = u16::try_from(self.entries).unwrap_or(MAX16);
        let size = u32::try_from(self.directory_size).unwrap_or(MAX32);
        let offset = u32::try_from(self.directory_offset).unwrap_or(MAX32);
        if entries == MAX16 || size == MAX32 || offset == MAX32 {
            self.append_zip64(out);
        }
        out.extend_from_slice(b"PK\x05\x06");
        put16(out, 0); // this disk
        put16(out, 0); // the directory's disk
        put16(out, entries);
        put16(out, entries);
        put32(out, size);
        put32(out, offset);
        put16(out, short(comment.len()));
        out.extend_from_slice(comment);
    }

    fn append_zip64(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"PK\x06\x06");
        put64(out, 44); // bytes of this record that follow
        put16(out, MADE_BY);
        put16(out, 45); // needed to extract
        put32(out, 0); // this disk
        put32(out, 0); // the directory's disk
        put64(out, self.entries);
        put64(out, self.entries);
        put64(out, self.directory_size);
        put64(out, self.directory_offset);
        out.extend_from_slice(b"PK\x06\x07");
        put32(out, 0); // the disk of the record above
        put64(out, self.directory_offset + self.directory_size);
        put32(out, 1); // disks in all
    }
}

/// Date and time as MS-DOS packs them: two seconds' resolution, from 1980 to the end of 2107.
fn dos_time(time: OffsetDateTime) -> (u16, u16) {
    let year = time.year();
    if year < 1980 {
        return (1 << 5 | 1, 0);
    }
    if year > 2107 {
        return (0xff9f, 0xbf7d);
    }
    let years = u16::try_from(year - 1980).unwrap_or_default();
    let date = years << 9 | u16::from(u8::from(time.month())) << 5 | u16::from(time.day());
    let clock = u16::from(time.hour()) << 11
        | u16::from(time.minute()) << 5
        | u16::from(time.second().min(59) / 2);
    (date, clock)
}

/// Names are at most 4,096 bytes, comments and extra fields far less.
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(MAX16)
}

fn put16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}
