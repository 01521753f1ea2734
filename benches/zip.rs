//! The hot parts of making a bundle: hashing, compressing by what could do it, and headers.
//! `cargo bench --workspace --bench zip`; the sizes are printed first.

#![allow(missing_docs, reason = "a benchmark's functions say what they measure")]

use std::io::Write as _;

use divan::Bencher;
use divan::counter::BytesCount;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use libdeflater::{CompressionLvl, Compressor};
use pushbuild::bundle::{BundleWriter, Content, Wanted};
use pushbuild::git::Entry;
use pushbuild::git::{EntryKind, blob_id};

fn main() {
    let files = files();
    let total: usize = files.iter().map(Vec::len).sum();
    println!("{} files, {total} bytes", files.len());
    for level in [1, 6, 9] {
        let small: usize = files.iter().map(|raw| libdeflate(raw, level)).sum();
        println!("libdeflate level {level}: {small} bytes");
        let small: usize = files.iter().map(|raw| zlib(raw, level)).sum();
        println!("zlib-rs    level {level}: {small} bytes");
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

fn libdeflate(raw: &[u8], level: u32) -> usize {
    thread_local! {
        static COMPRESSORS: [std::cell::RefCell<Compressor>; 10] = std::array::from_fn(|level| {
            let level = CompressionLvl::new(i32::try_from(level).unwrap_or(6)).unwrap_or_default();
            std::cell::RefCell::new(Compressor::new(level))
        });
    }
    COMPRESSORS.with(|compressors| {
        let mut compressor = compressors[level as usize].borrow_mut();
        let mut out = vec![0; compressor.deflate_compress_bound(raw.len())];
        compressor
            .deflate_compress(raw, &mut out)
            .unwrap_or(raw.len())
    })
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

#[divan::bench(args = [1, 6, 9])]
fn compress_with_libdeflate(bencher: Bencher<'_, '_>, level: u32) {
    over_all(bencher, |raw| libdeflate(raw, level));
}

#[divan::bench(args = [1, 6, 9])]
fn compress_with_zlib_rs(bencher: Bencher<'_, '_>, level: u32) {
    over_all(bencher, |raw| zlib(raw, level));
}

#[divan::bench]
fn hash(bencher: Bencher<'_, '_>) {
    over_all(bencher, blob_id);
}

#[divan::bench]
fn checksum(bencher: Bencher<'_, '_>) {
    over_all(bencher, crc32fast::hash);
}

#[divan::bench]
fn verify_and_compress(bencher: Bencher<'_, '_>) {
    let wanted = Wanted {
        as_link: false,
        as_file: true,
    };
    over_all(bencher, |raw| {
        let id = blob_id(raw).ok()?;
        Content::verify(raw.to_vec(), &id, wanted).ok()
    });
}

#[divan::bench]
fn ten_thousand_headers(bencher: Bencher<'_, '_>) {
    let entries: Vec<_> = (0..10_000)
        .map(|number| Entry {
            path: format!("src/{}/{number}", number % 100),
            kind: EntryKind::Submodule,
            id: gix_hash::ObjectId::null(gix_hash::Kind::Sha1),
        })
        .collect();
    bencher.bench_local(|| {
        let mut writer = BundleWriter::new(time::OffsetDateTime::UNIX_EPOCH);
        for entry in &entries {
            divan::black_box(writer.entry(entry, None));
        }
        writer.finish(&entries[0].id)
    });
}
