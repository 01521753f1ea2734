use std::io::{Cursor, Read};

use time::macros::datetime;
use zip::ZipArchive;

use super::*;
use crate::git::blob_id;

/// An entry's path, kind and content.
pub(super) type Given<'a> = (&'a str, EntryKind, Option<&'a [u8]>);

pub(super) fn id(byte: u8) -> ObjectId {
    ObjectId::from_bytes_or_panic(&[byte; 20])
}

/// Without a content, its id is [`id(7)`](id).
pub(super) fn entry((path, kind, raw): Given<'_>) -> Entry<'_> {
    let id = raw.map_or(id(7), |raw| blob_id(raw).unwrap());
    Entry { path, kind, id }
}

pub(super) fn add(writer: &mut BundleWriter, given: Given<'_>) -> BytesMut {
    let entry = entry(given);
    let compressed = |raw| Box::new(compress(&entry, raw, writer.time).unwrap());
    let content = given.2.map(compressed);
    let content = content.map_or(Content::None, Content::Compressed);
    writer.add(&entry, content).unwrap()
}

/// What a writer leaves of these entries.
pub(super) fn written(mut writer: BundleWriter, entries: &[Given<'_>]) -> Vec<u8> {
    let start = writer.output().unwrap().position();
    let added = entries.iter().flat_map(|given| add(&mut writer, *given));
    let mut bytes: Vec<u8> = added.collect();
    let (end, length) = writer.finish(&id(0xcd)).unwrap();
    bytes.extend(end);
    assert_eq!(start + bytes.len() as u64, length);
    bytes
}

pub(super) fn bundle(entries: &[Given<'_>]) -> Vec<u8> {
    let time = zip_time(datetime!(2019-06-12 10:23:43 UTC));
    written(BundleWriter::new(time), entries)
}

/// A bundle of so many submodules.
pub(super) fn bundle_of_many(entries: usize) -> Vec<u8> {
    let names: Vec<_> = (0..entries).map(|n| format!("{n:06}")).collect();
    let given = names
        .iter()
        .map(|name| (name.as_str(), EntryKind::Commit, None));
    bundle(&given.collect::<Vec<_>>())
}

fn open(bytes: &[u8]) -> ZipArchive<Cursor<&[u8]>> {
    ZipArchive::new(Cursor::new(bytes)).unwrap()
}

#[test]
fn every_entry_has_its_name_mode_content_comment_and_the_events_time() {
    use CompressionMethod::{Deflated, Stored};
    use EntryKind::{Blob, BlobExecutable, Commit, Link, Tree};
    let long = "../".repeat(200).into_bytes();
    // A linear congruential generator's high bytes: nothing that deflate could find.
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let states = std::iter::successors(Some(1), next).take(1 << 18);
    let noise: Vec<_> = states.map(|state| state.to_le_bytes()[3]).collect();
    let [mut begins_with_zeros, mut hides_zeros] = [noise.clone(), noise.clone()];
    begins_with_zeros[..60_000].fill(0);
    hides_zeros[20_000..80_000].fill(0);
    let cases: [(Given<'_>, CompressionMethod); 12] = [
        (("back\\slash", Blob, Some(b"x")), Stored),
        (("bin", Tree, None), Stored),
        (("bin/run", BlobExecutable, Some(&long)), Deflated),
        (("empty", Blob, Some(b"")), Stored),
        // A sample of it shrinks.
        (("large", Blob, Some(&begins_with_zeros)), Deflated),
        // It would shrink, but only where no sample is taken.
        (("large noise", Blob, Some(&hides_zeros)), Stored),
        (("link", Link, Some(b"bin/run")), Stored),
        // A link is stored though it would shrink, and has its own target.
        (("long link", Link, Some(&long)), Stored),
        (("module", Commit, None), Stored),
        (("new\nline", Blob, Some(b"x")), Stored),
        (("noise", Blob, Some(&noise[..4096])), Stored),
        (("žluť 🦀", Blob, Some(b"x")), Stored),
    ];
    let bytes = bundle(&cases.map(|(given, _)| given));
    let mut zip = open(&bytes);
    assert_eq!(zip.comment(), id(0xcd).to_string().as_bytes());
    assert_eq!(zip.len(), cases.len());
    for (number, (given, method)) in cases.into_iter().enumerate() {
        let (path, kind, raw) = given;
        let (slash, mode, word) = match kind {
            Blob => ("", 0o100_644, "blob"),
            BlobExecutable => ("", 0o100_755, "blob"),
            Link => ("", 0o120_777, "blob"),
            Tree => ("/", 0o040_755, "tree"),
            Commit => ("/", 0o040_755, "commit"),
        };
        let mut file = zip.by_index(number).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert_eq!(content, raw.unwrap_or_default(), "{path}");
        assert_eq!(file.name().unwrap(), format!("{path}{slash}"));
        assert_eq!(file.comment(), format!("{word} {}", entry(given).id));
        assert_eq!(file.unix_mode(), Some(mode), "{path}");
        assert_eq!(file.compression(), method, "{path}");
        let time = file.last_modified().unwrap();
        assert_eq!((time.year(), time.month(), time.day()), (2019, 6, 12));
        // Two seconds' resolution, and no finer one beside it that a copy would lose.
        assert_eq!((time.hour(), time.minute(), time.second()), (10, 23, 42));
        assert_eq!(file.extra_data(), None);
        // Sizes in the local header, and no data descriptor.
        let header = &bytes[usize::try_from(file.header_start()).unwrap()..];
        assert_eq!(&header[..4], b"PK\x03\x04");
        assert_eq!(header[6] & 1 << 3, 0);
        let size = u32::from_le_bytes(header[22..26].try_into().unwrap());
        assert_eq!(size as usize, content.len());
    }
    assert_eq!(open(&bundle(&[])).len(), 0);
}

/// The directory's number of entries is 16 bits wide, and 65,535 says that the number is elsewhere.
#[test]
fn as_many_entries_as_sixteen_bits_count_and_more_are_read_by_all_tools() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.zip");
    let path = path.to_str().unwrap();
    let python =
        "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).namelist()), 'files')";
    for many in [65_534, 65_535, 65_536, 70_000] {
        let bytes = bundle_of_many(many);
        assert_eq!(open(&bytes).len(), many);
        std::fs::write(path, bytes).unwrap();
        for command in [["python3", "-c", python, path], ["unzip", "-Z", "-t", path]] {
            let mut program = std::process::Command::new(command[0]);
            let said = program.args(&command[1..]).output().unwrap().stdout;
            let said = String::from_utf8(said).unwrap();
            assert!(said.starts_with(&format!("{many} files")), "{said}");
        }
    }
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
fn a_directory_that_is_gathered_is_the_one_that_the_crate_writes_at_once() {
    let time = DateTime::default();
    let paths: Vec<_> = (0..3 * MOST_RECORDS).map(|n| format!("{n:06}")).collect();
    let mut writer = BundleWriter::new(time);
    let mut crates_own = ZipWriter::new(Cursor::new(Vec::new()));
    let mut bytes = Vec::new();
    for path in &paths {
        let entry = entry((path, EntryKind::Blob, Some(path.as_bytes())));
        let prepare = || compress(&entry, path.as_bytes(), time).unwrap();
        crates_own.add_prepared_file(prepare()).unwrap();
        let content = Content::Compressed(Box::new(prepare()));
        bytes.extend(writer.add(&entry, content).unwrap());
        assert!(writer.kept <= MOST_RECORDS);
    }
    bytes.extend(writer.finish(&id(0xcd)).unwrap().0);
    crates_own.set_comment(id(0xcd).to_string()).unwrap();
    assert!(bytes == crates_own.finish().unwrap().into_inner());
}
