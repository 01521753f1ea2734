use super::super::tests::{Given, add, bundle, bundle_of_many, entry, id, written};
use super::super::{BundleWriter, Content, zip_time};
use super::*;
use time::macros::datetime;

fn read(bytes: &[u8]) -> Result<Directory, Unreadable> {
    Directory::read(Bytes::copy_from_slice(bytes), bytes.len() as u64)
}

fn slice(bytes: &[u8]) -> Slice {
    Slice::of(Bytes::copy_from_slice(bytes), 0, bytes.len() as u64)
}

#[test]
fn what_was_written_is_read_again() {
    let long = "line\n".repeat(1000);
    // A partial bundle lacks the content of `late`.
    let given: [Given<'_>; 7] = [
        ("bin", EntryKind::Tree, None),
        ("bin/run", EntryKind::BlobExecutable, Some(long.as_bytes())),
        ("empty", EntryKind::Blob, Some(b"")),
        ("late", EntryKind::BlobExecutable, None),
        ("link", EntryKind::Link, Some(b"bin/run")),
        ("module", EntryKind::Commit, None),
        ("žluť\n", EntryKind::Blob, Some(b"x")),
    ];
    let bytes = bundle(&given);
    let directory = read(&bytes).unwrap();
    assert_eq!(directory.listed().len(), given.len());
    for (index, (listed, given)) in directory.listed().iter().zip(given).enumerate() {
        let (path, kind, raw) = given;
        assert_eq!(directory.path(index), path);
        let end = if index == 0 { 2 } else { index + 1 };
        let (id, has_content) = (entry(given).id, raw.is_some());
        assert_eq!(
            *listed,
            Listed {
                kind,
                id,
                has_content,
                end
            }
        );
        let found = directory.find(&entry(given));
        assert_eq!(found, raw.map(|_| index), "{path}");
        if let Some(raw) = raw {
            assert_eq!(directory.content(index, &slice(&bytes)).unwrap(), raw);
            assert_eq!(directory.sizes(index).1, raw.len());
        }
    }
    assert!(directory.sizes(1).0 < 100);
    let plain = ("bin/run", EntryKind::Blob, Some(long.as_bytes()));
    assert_eq!(directory.find(&entry(plain)), None);
}

/// The law that a bundle's bytes do not depend on its base rests on this.
#[test]
fn an_entry_that_is_copied_has_the_bytes_of_one_that_is_made_anew() {
    let long = "line\n".repeat(1000);
    let given: [Given<'_>; 4] = [
        ("bin/run", EntryKind::BlobExecutable, Some(long.as_bytes())),
        ("empty", EntryKind::Blob, Some(b"")),
        ("link", EntryKind::Link, Some(b"bin/run")),
        ("žluť\n", EntryKind::Blob, Some(b"x")),
    ];
    let base = bundle(&given);
    let directory = read(&base).unwrap();
    let later = zip_time(datetime!(2031-02-03 04:05:06 UTC));
    let mut copied = BundleWriter::new(later);
    let mut anew = BundleWriter::new(later);
    for given in given {
        let entry = entry(given);
        let index = directory.find(&entry).unwrap();
        let unchanged = directory.unchanged(index, slice(&base));
        let copy = copied.add(&entry, Content::Unchanged(unchanged)).unwrap();
        assert_eq!(copy, add(&mut anew, given));
    }
    let end = copied.finish(&id(0xcd)).unwrap();
    assert_eq!(end, anew.finish(&id(0xcd)).unwrap());
}

#[test]
fn a_content_that_was_damaged_is_not_read() {
    let long = "line\n".repeat(1000);
    let bytes = bundle(&[("a", EntryKind::Blob, Some(long.as_bytes()))]);
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
    let bytes = bundle_of_many(100);
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
    assert_eq!(
        (directory.listed().len(), directory.start()),
        (100, start as u64)
    );
}

#[test]
fn an_entry_beyond_four_gigabytes_is_found_by_its_zip64_offset() {
    let far = u64::from(u32::MAX) + 12;
    let writer = BundleWriter::starting_at(DateTime::default(), far);
    let end = written(writer, &[("a", EntryKind::Blob, Some(b"x"))]);
    let extra = [&[1, 0, 8, 0][..], &far.to_le_bytes()].concat();
    assert!(end.windows(extra.len()).any(|part| part == extra));
    assert!(end.windows(4).any(|part| part == b"PK\x06\x06"));
    // The end is looked for in blocks of two kilobytes.
    let end = [vec![0; 4096], end].concat();
    let length = far - 4096 + end.len() as u64;
    let directory = Directory::read(end.clone().into(), length).unwrap();
    assert_eq!(directory.range(0).start, far);
    let slice = Slice::of(end.into(), far - 4096, length);
    assert_eq!(directory.content(0, &slice).unwrap(), b"x");
}

#[test]
fn no_end_that_is_cut_or_changed_makes_it_panic() {
    let small = bundle(&[
        ("a", EntryKind::Blob, Some(b"content")),
        ("b", EntryKind::Tree, None),
    ]);
    assert!(read(&small).is_ok());
    for length in 0..small.len() {
        assert!(read(&small[..length]).is_err(), "{length}");
    }
    let flip = |bytes: &[u8], at: usize, bit: u8| {
        let mut changed = bytes.to_vec();
        changed[at] ^= bit;
        let _ = read(&changed);
    };
    for at in 0..small.len() {
        (0..8).for_each(|bit| flip(&small, at, 1 << bit));
    }
    // More entries than sixteen bits count.
    let large = bundle_of_many(70_000);
    assert_eq!(read(&large).unwrap().listed().len(), 70_000);
    let end = 22 + 20 + 56 + 40;
    for at in (large.len() - end..large.len()).step_by(9) {
        flip(&large, at, 0x40);
    }
}
