use std::io::{Cursor, Read};

use time::macros::datetime;
use zip::ZipArchive;

use super::*;

fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes_or_panic(&[byte; 20])
}

fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry {
        path: path.to_owned(),
        kind,
        id: id(0xab),
    }
}

fn content(raw: &[u8]) -> Content {
    let id = crate::git::blob_id(raw).unwrap();
    let both = Wanted {
        as_link: true,
        as_file: true,
    };
    Content::verify(raw.to_vec(), &id, both).unwrap()
}

fn bundle(entries: &[(Entry, Option<Content>)]) -> Vec<u8> {
    let mut writer = BundleWriter::new(datetime!(2019-06-12 10:23:43 UTC));
    let mut bytes = Vec::new();
    for (entry, content) in entries {
        let (header, data) = writer.entry(entry, content.as_ref());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(data);
    }
    bytes.extend_from_slice(&writer.finish(&id(0xcd)));
    bytes
}

fn open(bytes: &[u8]) -> ZipArchive<Cursor<&[u8]>> {
    ZipArchive::new(Cursor::new(bytes)).unwrap()
}

#[test]
fn every_kind_of_entry_has_its_mode_content_and_comment() {
    let long = "line\n".repeat(1000);
    let bytes = bundle(&[
        (entry("bin", EntryKind::Folder), None),
        (
            entry("bin/run", EntryKind::Executable),
            Some(content(long.as_bytes())),
        ),
        (entry("empty", EntryKind::File), Some(content(b""))),
        (entry("link", EntryKind::Link), Some(content(b"bin/run"))),
        (entry("module", EntryKind::Submodule), None),
    ]);
    let mut zip = open(&bytes);
    assert_eq!(zip.comment(), id(0xcd).to_string().as_bytes());
    let mut seen = Vec::new();
    for number in 0..zip.len() {
        let mut file = zip.by_index(number).unwrap();
        let mut read = String::new();
        file.read_to_string(&mut read).unwrap();
        let name = file.name().unwrap().into_owned();
        let mode = file.unix_mode().unwrap();
        seen.push((
            name,
            mode,
            read.len(),
            file.compression(),
            file.comment().to_owned(),
        ));
    }
    let blob = format!("blob {}", id(0xab));
    let stored = zip::CompressionMethod::Stored;
    let deflated = zip::CompressionMethod::Deflated;
    assert_eq!(
        seen,
        [
            (
                "bin/".to_owned(),
                0o040_755,
                0,
                stored,
                format!("tree {}", id(0xab))
            ),
            (
                "bin/run".to_owned(),
                0o100_755,
                5000,
                deflated,
                blob.clone()
            ),
            ("empty".to_owned(), 0o100_644, 0, stored, blob.clone()),
            ("link".to_owned(), 0o120_777, 7, stored, blob),
            (
                "module/".to_owned(),
                0o040_755,
                0,
                stored,
                format!("commit {}", id(0xab))
            ),
        ]
    );
}

#[test]
fn two_links_keep_their_own_targets() {
    let bytes = bundle(&[
        (entry("a", EntryKind::Link), Some(content(b"first"))),
        (entry("b", EntryKind::Link), Some(content(b"second/target"))),
    ]);
    let mut zip = open(&bytes);
    for (name, target) in [("a", "first"), ("b", "second/target")] {
        let mut read = String::new();
        zip.by_name(name)
            .unwrap()
            .read_to_string(&mut read)
            .unwrap();
        assert_eq!(read, target);
    }
}

#[test]
fn a_long_link_is_stored_though_it_would_shrink() {
    let target = "../".repeat(200);
    let bytes = bundle(&[(
        entry("a", EntryKind::Link),
        Some(content(target.as_bytes())),
    )]);
    let mut zip = open(&bytes);
    assert_eq!(
        zip.by_index(0).unwrap().compression(),
        zip::CompressionMethod::Stored
    );
}

#[test]
fn what_deflate_does_not_shrink_is_stored() {
    // A linear congruential generator's high bytes: nothing that deflate could find.
    let mut state = 1_u32;
    let noise: Vec<u8> = (0..4096)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            u8::try_from(state >> 24).unwrap()
        })
        .collect();
    let bytes = bundle(&[(entry("noise", EntryKind::File), Some(content(&noise)))]);
    let mut zip = open(&bytes);
    let mut file = zip.by_index(0).unwrap();
    assert_eq!(file.compression(), zip::CompressionMethod::Stored);
    let mut read = Vec::new();
    file.read_to_end(&mut read).unwrap();
    assert_eq!(read, noise);
}

#[test]
fn every_entry_has_the_events_time() {
    let bytes = bundle(&[
        (entry("a", EntryKind::File), Some(content(b"x"))),
        (entry("b", EntryKind::Folder), None),
    ]);
    let mut zip = open(&bytes);
    for number in 0..zip.len() {
        let file = zip.by_index(number).unwrap();
        let dos = file.last_modified().unwrap();
        assert_eq!((dos.year(), dos.month(), dos.day()), (2019, 6, 12));
        // Two seconds' resolution; the extended timestamp beside it has the odd one.
        assert_eq!((dos.hour(), dos.minute(), dos.second()), (10, 23, 42));
    }
    let seconds = 1_560_335_023_i32.to_le_bytes();
    let extended = [&b"UT\x05\x00\x01"[..], &seconds].concat();
    let found = bytes
        .windows(extended.len())
        .filter(|part| *part == extended)
        .count();
    assert_eq!(
        found, 4,
        "each entry has it in its header and in the directory"
    );
}

#[test]
fn names_beyond_ascii_are_utf_8_and_backslashes_stay() {
    let names = ["back\\slash", "emoji 🦀", "new\nline", "žluť"];
    let entries: Vec<_> = names
        .iter()
        .map(|name| (entry(name, EntryKind::File), Some(content(b"x"))))
        .collect();
    let bytes = bundle(&entries);
    let zip = open(&bytes);
    let mut read: Vec<_> = (0..zip.len())
        .map(|n| zip.name_for_index(n).unwrap().unwrap().into_owned())
        .collect();
    read.sort();
    assert_eq!(read, names);
}

#[test]
fn there_are_no_data_descriptors() {
    let bytes = bundle(&[(entry("a", EntryKind::File), Some(content(b"hello")))]);
    assert_eq!(&bytes[..4], b"PK\x03\x04");
    let flags = u16::from_le_bytes([bytes[6], bytes[7]]);
    assert_eq!(flags & 1 << 3, 0);
    assert_eq!(u32::from_le_bytes(bytes[22..26].try_into().unwrap()), 5);
}

#[test]
fn no_entries_make_an_empty_archive() {
    assert_eq!(open(&bundle(&[])).len(), 0);
}

#[test]
fn more_entries_than_sixteen_bits_count_need_zip64() {
    let entries: Vec<_> = (0..70_000)
        .map(|n| (entry(&format!("{n:06}"), EntryKind::Submodule), None))
        .collect();
    assert_eq!(open(&bundle(&entries)).len(), 70_000);
}

#[test]
fn an_entry_beyond_four_gigabytes_is_found_by_its_zip64_offset() {
    let far = u64::from(u32::MAX) + 12;
    let mut writer = BundleWriter::new(datetime!(2019-06-12 10:23:43 UTC));
    writer.offset = far;
    writer.entry(&entry("a", EntryKind::Submodule), None);
    let end = writer.finish(&id(1));
    let extra = [&[1, 0, 8, 0][..], &far.to_le_bytes()].concat();
    assert!(end.windows(extra.len()).any(|part| part == extra));
    assert!(end.windows(4).any(|part| part == b"PK\x06\x06"));
}

#[test]
fn a_time_before_1980_becomes_the_first_that_a_zip_can_say() {
    let mut writer = BundleWriter::new(datetime!(1970-01-01 00:00:00 UTC));
    let (mut bytes, _) = writer.entry(&entry("a", EntryKind::Submodule), None);
    bytes.extend_from_slice(&writer.finish(&id(1)));
    let mut zip = open(&bytes);
    let time = zip.by_index(0).unwrap().last_modified().unwrap();
    assert_eq!((time.year(), time.month(), time.day()), (1980, 1, 1));
}

#[test]
fn bytes_that_do_not_hash_to_their_id_are_refused_with_what_they_hash_to() {
    let wanted = Wanted {
        as_link: false,
        as_file: true,
    };
    let came = Content::verify(b"hello\n".to_vec(), &id(0xab), wanted).unwrap_err();
    assert_eq!(came, "ce013625030ba8dba906f756967f9e9ca394464a");
}
