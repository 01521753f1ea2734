//! What a way without a base is compared with: its calls' latency shared by as many in flight as one
//! core has the time for, 2,800 a second and from 64 to 128, or the processor time of hashing and
//! compressing, whichever is larger.

use std::collections::BTreeSet;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use gix_hash::ObjectId;
use pushbuild::bundle::{compress, verify, zip_time};
use pushbuild::git::{Entry, EntryKind};

use crate::shell;
use crate::table::Row;
use crate::ways::Run;

/// A floor, and what it is made of.
#[derive(Clone, Debug)]
pub struct Floor {
    calls: usize,
    latency: Duration,
    compression: Duration,
}

impl Floor {
    /// The larger of the two.
    pub fn time(&self) -> Duration {
        self.latency.max(self.compression)
    }

    /// As the table's last line.
    pub fn row(&self) -> Row {
        let calls = format!(
            "{} calls: {:.2} s; hashing and compressing on one core: {:.2} s",
            self.calls,
            self.latency.as_secs_f64(),
            self.compression.as_secs_f64()
        );
        Row {
            way: "the floor".to_owned(),
            run: Run {
                wall: self.time(),
                ..Run::default()
            },
            calls,
            ..Row::default()
        }
    }
}

/// Measures it: every blob of the commit is hashed and compressed once.
pub fn of(path: &Path, commit: &str, latency: Duration) -> anyhow::Result<Floor> {
    let format = "--format=%(objecttype) %(objectname)";
    let listing = shell::git(
        path,
        &["ls-tree", "-r", "-t", "--full-tree", format, commit],
    )?;
    let listing = String::from_utf8(listing)?;
    let folders = listing.lines().filter(|line| line.starts_with("tree "));
    let blobs = listing
        .lines()
        .filter_map(|line| line.strip_prefix("blob "));
    let blobs: BTreeSet<_> = blobs.collect();
    // The commit and its root tree.
    let calls = blobs.len() + folders.count() + 2;

    let mut ids = tempfile::tempfile()?;
    for id in blobs {
        writeln!(ids, "{id}")?;
    }
    ids.rewind()?;
    let contents = shell::run(
        Command::new("git")
            .arg("-C")
            .arg(path)
            .args(["cat-file", "--batch", "--buffer"])
            .stdin(ids),
    )?;
    let mut compression = Duration::ZERO;
    let mut rest = &contents[..];
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let header = std::str::from_utf8(&rest[..end])?;
        let (id, size) = header.split_once(" blob ").context("not a blob")?;
        let (raw, after) = rest[end + 1..].split_at(size.parse()?);
        let entry = Entry {
            path: id,
            kind: EntryKind::Blob,
            id: ObjectId::from_hex(id.as_bytes())?,
        };
        let begun = Instant::now();
        verify(raw, &entry.id).map_err(anyhow::Error::msg)?;
        compress(&entry, raw, zip_time(time::OffsetDateTime::UNIX_EPOCH))?;
        compression += begun.elapsed();
        rest = &after[1..];
    }
    let in_flight = (latency.as_secs_f64() * 2_800.0).round().clamp(64.0, 128.0);
    let share = f64::from(u32::try_from(calls)?) / in_flight;
    Ok(Floor {
        calls,
        latency: latency.mul_f64(share),
        compression,
    })
}
