use super::super::tests::{bundle, finished};
use super::super::{BundleWriter, Content, compress, zip_time};
use super::*;
use crate::git::blob_id;
use time::macros::datetime;

fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes_or_panic(&[byte; 20])
}

fn entry<'a>(path: &'a str, kind: EntryKind, raw: Option<&[u8]>) -> Entry<'a> {
    Entry {
        path,
        kind,
        id: raw.map_or(id(7), |raw| blob_id(raw).unwrap()),
    }
}

fn written(entries: &[(&str, EntryKind, Option<&[u8]>)]) -> Vec<u8> {
    let entries: Vec<_> = entries
        .iter()
        .map(|(path, kind, raw)| (entry(path, *kind, *raw), *raw))
        .collect();
    bundle(&entries)
}

fn read(bytes: &[u8]) -> Result<Directory, Unreadable> {
    Directory::read(Bytes::copy_from_slice(bytes), bytes.len() as u64)
}

fn slice(bytes: &[u8]) -> Slice {
    Slice::of(Bytes::copy_from_slice(bytes), 0, bytes.len() as u64)
}

#[test]
fn what_was_written_is_read_again() {
    let long = "line\n".repeat(1000);
    let bytes = written(&[
        ("bin", EntryKind::Folder, None),
        ("bin/run", EntryKind::Executable, Some(long.as_bytes())),
        ("empty", EntryKind::File, Some(b"")),
        ("link", EntryKind::Link, Some(b"bin/run")),
        ("module", EntryKind::Submodule, None),
        ("žluť\n", EntryKind::File, Some(b"x")),
    ]);
    let directory = read(&bytes).unwrap();
    let listed = directory.listed();
    let seen: Vec<_> = listed
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            let path = directory.path(index).into_owned();
            (path, entry.kind, entry.has_content, entry.end)
        })
        .collect();
    let expected = [
        ("bin", EntryKind::Folder, false, 2),
        ("bin/run", EntryKind::Executable, true, 2),
        ("empty", EntryKind::File, true, 3),
        ("link", EntryKind::Link, true, 4),
        ("module", EntryKind::Submodule, false, 5),
        ("žluť\n", EntryKind::File, true, 6),
    ];
    let expected = expected.map(|(path, kind, has, end)| (path.to_owned(), kind, has, end));
    assert_eq!(seen, expected);
    assert_eq!(listed[0].id, id(7));
    assert_eq!(directory.sizes(1).1, 5000);
    assert!(directory.sizes(1).0 < 100);
    let content = directory.content(1, &slice(&bytes)).unwrap();
    assert_eq!(content, long.as_bytes());
    let run = entry("bin/run", EntryKind::Executable, Some(long.as_bytes()));
    assert_eq!(directory.find(&run), Some(1));
    let plain = Entry {
        kind: EntryKind::File,
        ..run
    };
    assert_eq!(directory.find(&plain), None);
}

/// The law that a bundle's bytes do not depend on its base rests on this.
#[test]
fn an_entry_that_is_copied_has_the_bytes_of_one_that_is_made_anew() {
    let long = "line\n".repeat(1000);
    let entries: [(&str, EntryKind, Option<&[u8]>); 4] = [
        ("bin/run", EntryKind::Executable, Some(long.as_bytes())),
        ("empty", EntryKind::File, Some(b"")),
        ("link", EntryKind::Link, Some(b"bin/run")),
        ("žluť\n", EntryKind::File, Some(b"x")),
    ];
    let base = written(&entries);
    let directory = read(&base).unwrap();
    let later = zip_time(datetime!(2031-02-03 04:05:06 UTC));
    let [mut copied, mut anew] = [later, later].map(BundleWriter::new);
    for (path, kind, raw) in entries {
        let entry = entry(path, kind, raw);
        let index = directory.find(&entry).unwrap();
        let unchanged = directory.unchanged(index, slice(&base));
        copied.add(&entry, Content::Unchanged(unchanged)).unwrap();
        let file = compress(&entry, raw.unwrap(), later).unwrap();
        anew.add(&entry, Content::Compressed(Box::new(file)))
            .unwrap();
    }
    assert_eq!(finished(copied), finished(anew));
}

#[test]
fn a_content_that_was_damaged_is_not_read() {
    let long = "line\n".repeat(1000);
    let bytes = written(&[("a", EntryKind::File, Some(long.as_bytes()))]);
    let directory = read(&bytes).unwrap();
    for at in 0..directory.range(0).end {
        let mut changed = bytes.clone();
        changed[usize::try_from(at).unwrap()] ^= 4;
        let content = directory.content(0, &slice(&changed));
        assert!(content.is_err() || content.unwrap() == long.as_bytes());
    }
}

#[test]
fn a_directory_that_is_not_all_there_says_what_is_missing() {
    let names: Vec<_> = (0..100).map(|number| format!("{number:06}")).collect();
    let entries: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), EntryKind::File, Some(name.as_bytes())))
        .collect();
    let bytes = written(&entries);
    let start = bytes.windows(4).position(|four| four == b"PK\x01\x02");
    let start = start.unwrap();
    let length = bytes.len() as u64;
    let tail = |from: usize| Bytes::copy_from_slice(&bytes[from..]);
    let Err(Unreadable::Missing(missing)) = Directory::read(tail(bytes.len() - 3000), length)
    else {
        panic!("it has all it needs");
    };
    assert_eq!(missing, start as u64..length - 3000);
    let directory = Directory::read(tail(start), length).unwrap();
    assert_eq!(directory.listed().len(), 100);
}

#[test]
fn a_file_that_a_partial_bundle_lacks_is_listed_without_its_content() {
    let directory = read(&written(&[("late", EntryKind::Executable, None)])).unwrap();
    let listed = directory.listed()[0];
    assert_eq!(listed.kind, EntryKind::Executable);
    assert!(!listed.has_content);
    assert_eq!(
        directory.find(&entry("late", EntryKind::Executable, None)),
        None
    );
}

#[test]
fn more_entries_than_sixteen_bits_count_are_read_whatever_is_changed_at_their_end() {
    let names: Vec<_> = (0..70_000).map(|number| format!("{number:06}")).collect();
    let entries: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), EntryKind::Submodule, None))
        .collect();
    let bytes = written(&entries);
    assert_eq!(read(&bytes).unwrap().listed().len(), 70_000);
    let end = 22 + 20 + 56 + 40;
    for at in (bytes.len() - end..bytes.len()).step_by(9) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        let _ = read(&changed);
    }
}

#[test]
fn an_entry_beyond_four_gigabytes_is_found() {
    let far = u64::from(u32::MAX) + 12;
    let time = zip_time(datetime!(2019-06-12 10:23:43 UTC));
    let mut writer = BundleWriter::starting_at(time, far);
    let entry = entry("a", EntryKind::File, Some(b"x"));
    let file = compress(&entry, b"x", time).unwrap();
    writer
        .add(&entry, Content::Compressed(Box::new(file)))
        .unwrap();
    // The end is looked for in blocks of two kilobytes.
    let end = [vec![0; 4096], finished(writer)].concat();
    let length = far - 4096 + end.len() as u64;
    let directory = Directory::read(end.clone().into(), length).unwrap();
    assert_eq!(directory.range(0).start, far);
    let slice = Slice::of(end.into(), far - 4096, length);
    assert_eq!(directory.content(0, &slice).unwrap(), b"x");
}

#[test]
fn no_end_that_is_cut_or_changed_makes_it_panic() {
    let bytes = written(&[
        ("a", EntryKind::File, Some(b"content")),
        ("b", EntryKind::Folder, None),
    ]);
    assert!(read(&bytes).is_ok());
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length}");
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            let _ = read(&changed);
        }
    }
}
