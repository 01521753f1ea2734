//! The hot parts of making a bundle: hashing, compressing by what could do it, and headers.
//! `cargo bench --workspace --bench zip`; the sizes are printed first.

#![allow(missing_docs, reason = "a benchmark's functions say what they measure")]

use std::io::Write as _;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::BytesCount;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use pushbuild::bundle::read::{Directory, Slice};
use pushbuild::bundle::{BundleWriter, Content, compress, verify};
use pushbuild::git::{Entry, EntryKind, blob_id};
use zip::DateTime;

fn main() {
    let files = files();
    let total: usize = files.iter().map(Vec::len).sum();
    println!("{} files, {total} bytes", files.len());
    for level in [1, 3, 4, 5, 6, 9] {
        let small: usize = files.iter().map(|raw| zlib(raw, level)).sum();
        println!("zlib-rs level {level}: {small} bytes");
    }
    divan::main();
}

/// This repository's own sources: what is compressed is text of their kind.
fn files() -> Vec<Vec<u8>> {
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() && name != "target" && !name.to_string_lossy().starts_with('.') {
                folders.push(path);
            } else if path.is_file() {
                files.extend(std::fs::read(path));
            }
        }
    }
    files.sort();
    files
}

fn zlib(raw: &[u8], level: u32) -> usize {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
    let written = encoder.write_all(raw).and_then(|()| encoder.finish());
    written.map_or(raw.len(), |out| out.len())
}

fn over_all<T>(bencher: Bencher<'_, '_>, work: impl Fn(&[u8]) -> T) {
    let files = files();
    let total: usize = files.iter().map(Vec::len).sum();
    bencher.counter(BytesCount::new(total)).bench_local(|| {
        files.iter().map(|raw| work(raw)).for_each(|done| {
            divan::black_box(done);
        });
    });
}

#[divan::bench(args = [1, 3, 4, 5, 6, 9])]
fn compress_with_zlib_rs(bencher: Bencher<'_, '_>, level: u32) {
    over_all(bencher, |raw| zlib(raw, level));
}

#[divan::bench]
fn hash(bencher: Bencher<'_, '_>) {
    over_all(bencher, blob_id);
}

#[divan::bench]
fn verify_and_compress(bencher: Bencher<'_, '_>) {
    over_all(bencher, |raw| {
        let entry = entry("a", raw);
        verify(raw, &entry.id).ok()?;
        compress(&entry, raw, DateTime::default()).ok()
    });
}

/// Everything that is done to what a base holds: read, hash, copy.
#[divan::bench]
fn take_over(bencher: Bencher<'_, '_>) {
    let files = files();
    let total: usize = files.iter().map(Vec::len).sum();
    let names: Vec<_> = (0..files.len()).map(|n| format!("{n:06}")).collect();
    let entries = names.iter().zip(&files);
    let entries: Vec<_> = entries.map(|(name, raw)| entry(name, raw)).collect();
    let mut writer = BundleWriter::new(DateTime::default());
    let mut base = Vec::new();
    for (entry, raw) in entries.iter().zip(&files) {
        let file = compress(entry, raw, DateTime::default()).expect("it is compressed");
        let added = writer.add(entry, Content::Compressed(Box::new(file)));
        base.extend(added.expect("it is written"));
    }
    let (end, length) = writer.finish(&entries[0].id).expect("it is written");
    base.extend(end);
    let base = Bytes::from(base);
    let directory = Directory::read(base.clone(), length).expect("it is a bundle");
    let slice = Slice::of(base, 0, length);
    bencher.counter(BytesCount::new(total)).bench_local(|| {
        let mut writer = BundleWriter::new(DateTime::default());
        for entry in &entries {
            let index = directory.find(entry).expect("it is there");
            let raw = directory.content(index, &slice).expect("it is whole");
            verify(&raw, &entry.id).expect("it is the blob");
            let unchanged = directory.unchanged(index, slice.clone());
            let added = writer.add(entry, Content::Unchanged(unchanged));
            divan::black_box(added.expect("it is written"));
        }
    });
}

#[divan::bench]
fn ten_thousand_headers(bencher: Bencher<'_, '_>) {
    let paths = (0..10_000).map(|number| format!("src/{}/{number}", number % 100));
    let paths: Vec<_> = paths.collect();
    let submodule = |path| Entry {
        kind: EntryKind::Commit,
        ..entry(path, b"")
    };
    let entries: Vec<_> = paths.iter().map(|path| submodule(path)).collect();
    bencher.bench_local(|| {
        let mut writer = BundleWriter::new(DateTime::default());
        for entry in &entries {
            let added = writer.add(entry, Content::None);
            divan::black_box(added.expect("it is written"));
        }
        writer.finish(&entries[0].id)
    });
}

fn entry<'a>(path: &'a str, raw: &[u8]) -> Entry<'a> {
    Entry {
        path,
        kind: EntryKind::Blob,
        id: blob_id(raw).expect("it is hashed"),
    }
}
