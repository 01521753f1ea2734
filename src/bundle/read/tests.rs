use time::macros::datetime;

use super::*;
use crate::bundle::{BundleWriter, Content, Wanted};
use crate::git::Entry;
use crate::git::blob_id;

fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes_or_panic(&[byte; 20])
}

fn content(raw: &[u8]) -> Content {
    let both = Wanted {
        as_link: true,
        as_file: true,
    };
    Content::verify(raw.to_vec(), &blob_id(raw).unwrap(), both).unwrap()
}

fn written(entries: &[(&str, EntryKind, Option<&[u8]>)]) -> Vec<u8> {
    let mut writer = BundleWriter::new(datetime!(2019-06-12 10:23:43 UTC));
    let mut bytes = Vec::new();
    for (path, kind, raw) in entries {
        let entry = Entry {
            path: (*path).to_owned(),
            kind: *kind,
            id: raw.map_or(id(7), |raw| blob_id(raw).unwrap()),
        };
        let content = raw.map(content);
        let (header, data) = writer.entry(&entry, content.as_ref());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(data);
    }
    bytes.extend_from_slice(&writer.finish(&id(0xcd)));
    bytes
}

fn read(bytes: &[u8]) -> Result<Vec<Listed>, String> {
    let tail = &bytes[bytes.len().saturating_sub(END)..];
    let range = directory_range(tail, bytes.len() as u64)?;
    let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
    entries(&bytes[start..end], range.start)
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
    let listed = read(&bytes).unwrap();
    let seen: Vec<_> = listed
        .iter()
        .map(|entry| (entry.path.as_str(), entry.kind))
        .collect();
    assert_eq!(
        seen,
        [
            ("bin", EntryKind::Folder),
            ("bin/run", EntryKind::Executable),
            ("empty", EntryKind::File),
            ("link", EntryKind::Link),
            ("module", EntryKind::Submodule),
            ("žluť\n", EntryKind::File),
        ]
    );
    assert_eq!(listed[0].id, id(7));
    assert_eq!(listed[0].data, None);
    let run = listed[1].data.clone().unwrap();
    assert_eq!((run.method, run.size), (Method::Deflated, 5000));
    let end = usize::try_from(run.span.end).unwrap();
    let size = usize::try_from(run.compressed_size).unwrap();
    let kept = crate::bundle::Kept {
        data: &bytes[end - size..end],
        method: run.method,
        crc: run.crc,
        size: run.size,
        as_link: false,
    };
    let wanted = Wanted {
        as_link: false,
        as_file: true,
    };
    assert!(Content::take_over(kept, &listed[1].id, wanted).is_ok());
    assert!(Content::take_over(kept, &listed[2].id, wanted).is_err());
}

#[test]
fn a_file_that_a_partial_bundle_lacks_is_listed_without_its_content() {
    let listed = read(&written(&[("late", EntryKind::Executable, None)])).unwrap();
    assert_eq!(listed[0].kind, EntryKind::Executable);
    assert_eq!(listed[0].data, None);
}

#[test]
fn more_entries_than_sixteen_bits_count_are_read() {
    let names: Vec<_> = (0..70_000).map(|number| format!("{number:06}")).collect();
    let entries: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), EntryKind::Submodule, None))
        .collect();
    assert_eq!(read(&written(&entries)).unwrap().len(), 70_000);
}

#[test]
fn an_entry_beyond_four_gigabytes_is_found() {
    let far = u64::from(u32::MAX) + 12;
    let mut writer = BundleWriter::new(datetime!(2019-06-12 10:23:43 UTC));
    writer.offset = far;
    let entry = Entry {
        path: "a".to_owned(),
        kind: EntryKind::File,
        id: id(1),
    };
    let x = content(b"x");
    let (header, data) = writer.entry(&entry, Some(&x));
    let after = far + (header.len() + data.len()) as u64;
    let end = writer.finish(&id(1));
    let length = after + end.len() as u64;
    let range = directory_range(&end[end.len() - END..], length).unwrap();
    assert_eq!(range.start, after);
    let size = usize::try_from(range.end - range.start).unwrap();
    let listed = entries(&end[..size], after).unwrap();
    assert_eq!(listed[0].data.clone().unwrap().span, far..after);
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
