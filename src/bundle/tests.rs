use std::io::{Cursor, Read};
use std::sync::{Arc, Mutex};

use time::macros::datetime;
use zip::ZipArchive;

use super::*;

fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes_or_panic(&[byte; 20])
}

fn entry(path: &str, kind: EntryKind) -> Entry<'_> {
    Entry {
        path,
        kind,
        id: id(0xab),
    }
}

fn time() -> DateTime {
    zip_time(datetime!(2019-06-12 10:23:43 UTC))
}

/// What a writer has left in its window, and what it writes at the end.
pub(super) fn finished(mut writer: BundleWriter) -> Vec<u8> {
    let bytes = Arc::new(Mutex::new(writer.take().to_vec()));
    let sink = bytes.clone();
    let length = writer.finish(&id(0xcd), move |chunk| {
        sink.lock().unwrap().extend_from_slice(&chunk);
        Ok(())
    });
    length.unwrap();
    Arc::try_unwrap(bytes).unwrap().into_inner().unwrap()
}

pub(super) fn bundle(entries: &[(Entry<'_>, Option<&[u8]>)]) -> Vec<u8> {
    let mut writer = BundleWriter::new(time());
    for (entry, raw) in entries {
        writer.add(entry, content(entry, *raw)).unwrap();
    }
    finished(writer)
}

fn content(entry: &Entry<'_>, raw: Option<&[u8]>) -> Content {
    match raw {
        Some(raw) => Content::Compressed(Box::new(compress(entry, raw, time()).unwrap())),
        None => Content::None,
    }
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
            Some(long.as_bytes()),
        ),
        (entry("empty", EntryKind::File), Some(b"")),
        (entry("link", EntryKind::Link), Some(b"bin/run")),
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
        (entry("a", EntryKind::Link), Some(b"first")),
        (entry("b", EntryKind::Link), Some(b"second/target")),
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
    let bytes = bundle(&[(entry("a", EntryKind::Link), Some(target.as_bytes()))]);
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
    let bytes = bundle(&[(entry("noise", EntryKind::File), Some(&noise))]);
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
        (entry("a", EntryKind::File), Some(b"x")),
        (entry("b", EntryKind::Folder), None),
    ]);
    let mut zip = open(&bytes);
    for number in 0..zip.len() {
        let file = zip.by_index(number).unwrap();
        let dos = file.last_modified().unwrap();
        assert_eq!((dos.year(), dos.month(), dos.day()), (2019, 6, 12));
        // Two seconds' resolution, and no finer one beside it that a copy would lose.
        assert_eq!((dos.hour(), dos.minute(), dos.second()), (10, 23, 42));
        assert_eq!(file.extra_data(), None);
    }
}

#[test]
fn names_beyond_ascii_are_utf_8_and_backslashes_stay() {
    let names = ["back\\slash", "emoji 🦀", "new\nline", "žluť"];
    let entries: Vec<_> = names
        .iter()
        .map(|name| (entry(name, EntryKind::File), Some(&b"x"[..])))
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
    let bytes = bundle(&[(entry("a", EntryKind::File), Some(b"hello"))]);
    assert_eq!(&bytes[..4], b"PK\x03\x04");
    let flags = u16::from_le_bytes([bytes[6], bytes[7]]);
    assert_eq!(flags & 1 << 3, 0);
    assert_eq!(u32::from_le_bytes(bytes[22..26].try_into().unwrap()), 5);
}

#[test]
fn no_entries_make_an_empty_archive() {
    assert_eq!(open(&bundle(&[])).len(), 0);
}

/// The directory's number of entries is 16 bits wide, and 65,535 says that the number is elsewhere.
#[test]
fn as_many_entries_as_sixteen_bits_count_and_more_are_read_by_all_tools() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.zip");
    for many in [65_534, 65_535, 65_536, 70_000] {
        let names: Vec<_> = (0..many).map(|n| format!("{n:06}")).collect();
        let entries = names.iter().map(|name| entry(name, EntryKind::Submodule));
        let entries: Vec<_> = entries.map(|entry| (entry, None)).collect();
        let bytes = bundle(&entries);
        assert_eq!(open(&bytes).len(), many);
        std::fs::write(&path, bytes).unwrap();
        let python = "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))";
        let count = std::process::Command::new("python3")
            .args(["-c", python])
            .arg(&path)
            .output()
            .unwrap();
        assert_eq!(count.stdout, format!("{many}\n").as_bytes());
        let unzip = std::process::Command::new("unzip")
            .args(["-Z", "-t"])
            .arg(&path)
            .output()
            .unwrap();
        let said = String::from_utf8(unzip.stdout).unwrap();
        assert!(said.starts_with(&format!("{many} files")), "{said}");
    }
}

#[test]
fn an_entry_beyond_four_gigabytes_is_found_by_its_zip64_offset() {
    let far = u64::from(u32::MAX) + 12;
    let mut writer = BundleWriter::starting_at(time(), far);
    writer
        .add(&entry("a", EntryKind::Submodule), Content::None)
        .unwrap();
    let end = finished(writer);
    let extra = [&[1, 0, 8, 0][..], &far.to_le_bytes()].concat();
    assert!(end.windows(extra.len()).any(|part| part == extra));
    assert!(end.windows(4).any(|part| part == b"PK\x06\x06"));
}

#[test]
fn a_time_that_no_zip_can_say_becomes_the_nearest_that_it_can() {
    let said = |time| {
        let time = zip_time(time);
        (time.year(), time.month(), time.day(), time.hour())
    };
    assert_eq!(said(datetime!(1970-01-01 00:00 UTC)), (1980, 1, 1, 0));
    assert_eq!(said(datetime!(2108-01-01 00:00 UTC)), (2107, 12, 31, 23));
    assert_eq!(said(datetime!(2019-06-12 01:00 +2)), (2019, 6, 11, 23));
}

#[test]
fn bytes_that_do_not_hash_to_their_id_are_refused_with_what_they_hash_to() {
    let came = verify(b"hello\n", &id(0xab)).unwrap_err();
    assert_eq!(came, "ce013625030ba8dba906f756967f9e9ca394464a");
}

#[test]
fn a_writer_that_is_given_up_writes_nothing_more() {
    let mut writer = BundleWriter::new(time());
    writer
        .add(&entry("a", EntryKind::Submodule), Content::None)
        .unwrap();
    let window = writer.window.clone();
    drop(writer);
    assert!(window.take().is_empty());
}
