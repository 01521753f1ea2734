//! A bundle beside what Git says of its commit.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::path::Path;
use std::process::Command;

use super::repository::git;

/// An entry as both sides tell it: mode, object id, content (a link's target; none for folders).
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    pub mode: u32,
    pub object: String,
    pub content: Vec<u8>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mode, object, bytes) = (self.mode, &self.object, self.content.len());
        let start = String::from_utf8_lossy(&self.content[..bytes.min(40)]);
        write!(out, "{mode:o} {object} {start:?} ({bytes} bytes)")
    }
}

/// What the zip holds, by name; folders end with a slash.
pub fn entries_of(zip: &[u8]) -> BTreeMap<String, Entry> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    let mut entries = BTreeMap::new();
    for number in 0..archive.len() {
        let mut file = archive.by_index(number).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        let entry = Entry {
            mode: file.unix_mode().unwrap(),
            object: file.comment().to_owned(),
            content,
        };
        let name = file.name().unwrap().into_owned();
        let twice = entries.insert(name.clone(), entry);
        assert_eq!(twice, None, "{name} is there twice");
    }
    entries
}

/// What `git ls-tree -r -t` says should be there.
pub fn entries_in_git(repository: &Path, commit: &str) -> BTreeMap<String, Entry> {
    let list = ["ls-tree", "-r", "-t", "-z", "--full-tree", commit];
    let listing = String::from_utf8(git(repository, &list, &[])).unwrap();
    let listing: Vec<(&str, &str, &str)> = listing
        .split_terminator('\0')
        .map(|line| {
            let (meta, path) = line.split_once('\t').unwrap();
            let (mode, object) = meta.split_once(' ').unwrap();
            (mode, object, path)
        })
        .collect();
    let mut contents = contents(repository, &listing).into_iter().peekable();
    let entry = |(mode, object, path): &(&str, &str, &str)| {
        let (mode, name) = match *mode {
            "040000" | "160000" => (0o040_755, format!("{path}/")),
            "120000" => (0o120_777, (*path).to_owned()),
            octal => (u32::from_str_radix(octal, 8).unwrap(), (*path).to_owned()),
        };
        let is_blob = object.starts_with("blob ");
        let content = contents.next_if(|_| is_blob).unwrap_or_default();
        let object = (*object).to_owned();
        let entry = Entry {
            mode,
            object,
            content,
        };
        (name, entry)
    };
    listing.iter().map(entry).collect()
}

/// The blobs' contents, in the order of the listing.
fn contents(repository: &Path, listing: &[(&str, &str, &str)]) -> Vec<Vec<u8>> {
    let blobs = listing
        .iter()
        .filter_map(|(_, object, _)| object.strip_prefix("blob "));
    let wanted: String = blobs.flat_map(|id| [id, "\n"]).collect();
    let batch = ["cat-file", "--batch", "--buffer"];
    let answer = git(repository, &batch, wanted.as_bytes());
    let (mut rest, mut contents) = (&answer[..], Vec::new());
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let header = std::str::from_utf8(&rest[..end]).unwrap();
        let size: usize = header.rsplit(' ').next().unwrap().parse().unwrap();
        contents.push(rest[end + 1..end + 1 + size].to_vec());
        rest = &rest[end + 2 + size..];
    }
    contents
}

/// Asserts that a bundle is exactly a commit, and that `unzip` takes it.
pub fn assert_exact(zip: &[u8], repository: &Path, commit: &str) {
    let expected = entries_in_git(repository, commit);
    let found = entries_of(zip);
    for (name, entry) in &expected {
        assert_eq!(found.get(name), Some(entry), "{name:?} of {commit}");
    }
    for name in found.keys() {
        assert!(expected.contains_key(name), "{name:?} is not in {commit}");
    }
    let archive = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
    assert_eq!(archive.comment(), commit.as_bytes());
    // 1 is unzip's "nothing in it" of an archive without entries.
    let fine: &[i32] = if found.is_empty() { &[0, 1] } else { &[0] };
    assert_taken(zip, &["unzip", "-tqq"], fine);
}

/// Asserts that Python reads every entry.
pub fn assert_python_takes(zip: &[u8]) {
    let python = "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip())";
    assert_taken(zip, &["python3", "-c", python], &[0]);
}

/// Asserts that a program, given a zip, ends with one of these statuses.
fn assert_taken(zip: &[u8], command: &[&str], fine: &[i32]) {
    let mut saved = tempfile::NamedTempFile::new().unwrap();
    saved.write_all(zip).unwrap();
    let output = Command::new(command[0])
        .args(&command[1..])
        .arg(saved.path())
        .output()
        .unwrap_or_else(|error| panic!("the tests need {}: {error}", command[0]));
    let status = output.status.code().unwrap_or(-1);
    assert!(fine.contains(&status), "{command:?}: {output:?}");
}
