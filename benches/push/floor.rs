//! What no way without a base can be faster than: its calls' latency shared by those in flight, or
//! the processor time of hashing and compressing, whichever is larger.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use gix_hash::ObjectId;
use pushbuild::aws::codecommit::concurrency::in_flight_at;
use pushbuild::bundle::{compress, verify, zip_time};
use pushbuild::git::{Entry, EntryKind};

use crate::shell;
use crate::table::Row;

/// A floor, and what it is made of.
#[derive(Clone, Debug)]
pub struct Floor {
    /// Calls that cannot be avoided without a base.
    pub calls: u64,
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
        Row {
            way: "  the floor".to_owned(),
            wall: Some(self.time()),
            calls: format!(
                "{} calls: {:.2} s; hashing and compressing on one core: {:.2} s",
                self.calls,
                self.latency.as_secs_f64(),
                self.compression.as_secs_f64()
            ),
            ..Row::default()
        }
    }
}

/// Measures it: every blob of the commit is hashed and compressed once.
pub fn of(path: &Path, commit: &str, latency: Duration) -> anyhow::Result<Floor> {
    let listing = shell::git(path, &["ls-tree", "-r", "-t", "-z", "--full-tree", commit])?;
    let mut blobs = BTreeMap::new();
    let mut folders = 1_u64;
    for line in listing
        .split(|byte| *byte == 0)
        .filter(|line| !line.is_empty())
    {
        let line = String::from_utf8_lossy(line);
        let mut words = line.split([' ', '\t']);
        match (words.next(), words.next(), words.next()) {
            (_, Some("tree"), _) => folders += 1,
            (Some(mode), Some("blob"), Some(id)) => {
                blobs.insert(id.to_owned(), mode == "120000");
            }
            _ => {}
        }
    }
    let mut compression = Duration::ZERO;
    for (id, raw) in contents(path, blobs.keys())? {
        let is_link = blobs.get(&id).is_some_and(|is_link| *is_link);
        let entry = Entry {
            path: id.clone(),
            kind: if is_link {
                EntryKind::Link
            } else {
                EntryKind::File
            },
            id: object_id(&id)?,
        };
        let begun = Instant::now();
        verify(&raw, &entry.id).map_err(anyhow::Error::msg)?;
        compress(&entry, &raw, zip_time(time::OffsetDateTime::UNIX_EPOCH))?;
        compression += begun.elapsed();
    }
    let calls = blobs.len() as u64 + folders + 1;
    let share = f64::from(u32::try_from(calls)?) / f64::from(u32::try_from(in_flight_at(latency))?);
    Ok(Floor {
        calls,
        latency: latency.mul_f64(share),
        compression,
    })
}

/// The id that these 40 digits are.
pub fn object_id(hex: &str) -> anyhow::Result<ObjectId> {
    ObjectId::from_hex(hex.as_bytes()).with_context(|| format!("{hex} is not an object id"))
}

fn contents<'a>(
    path: &Path,
    ids: impl Iterator<Item = &'a String>,
) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(path)
        .args(["cat-file", "--batch", "--buffer"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let asked = ids.fold(String::new(), |mut asked, id| {
        let _ = writeln!(asked, "{id}");
        asked
    });
    let mut input = child.stdin.take().context("no standard input")?;
    let writer = std::thread::spawn(move || input.write_all(asked.as_bytes()));
    let answer = child.wait_with_output()?.stdout;
    let _ = writer.join();
    let mut contents = Vec::new();
    let mut rest = &answer[..];
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let header = std::str::from_utf8(&rest[..end])?;
        let (id, size) = header.rsplit_once(' ').context("no size")?;
        let (size, start): (usize, _) = (size.parse()?, end + 1);
        let id = id.split(' ').next().unwrap_or_default().to_owned();
        contents.push((id, rest[start..start + size].to_vec()));
        rest = &rest[start + size + 1..];
    }
    Ok(contents)
}
