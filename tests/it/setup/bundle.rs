//! A bundle beside what Git says of its commit.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
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
        let start =
            String::from_utf8_lossy(&self.content[..self.content.len().min(40)]).into_owned();
        write!(
            out,
            "{:o} {} {start:?} ({} bytes)",
            self.mode,
            self.object,
            self.content.len()
        )
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
        assert_eq!(
            entries.insert(name.clone(), entry),
            None,
            "{name} is there twice"
        );
    }
    entries
}

/// What `git ls-tree -r -t` says should be there.
pub fn entries_in_git(repository: &Path, commit: &str) -> BTreeMap<String, Entry> {
    let listing = git(
        repository,
        &["ls-tree", "-r", "-t", "-z", "--full-tree", commit],
        &[],
    );
    let mut lines = Vec::new();
    for line in listing
        .split(|byte| *byte == 0)
        .filter(|line| !line.is_empty())
    {
        let line = String::from_utf8(line.to_vec()).unwrap();
        let (meta, path) = line.split_once('\t').unwrap();
        let [mode, kind, id] = meta.split(' ').collect::<Vec<_>>().try_into().unwrap();
        lines.push((
            mode.to_owned(),
            kind.to_owned(),
            id.to_owned(),
            path.to_owned(),
        ));
    }
    let mut contents = contents(repository, &lines);
    lines
        .into_iter()
        .map(|(mode, kind, id, path)| {
            let (mode, name) = match mode.as_str() {
                "040000" | "160000" => (0o040_755, format!("{path}/")),
                "120000" => (0o120_777, path),
                octal => (u32::from_str_radix(octal, 8).unwrap(), path),
            };
            let content = contents.remove(&name).unwrap_or_default();
            (
                name,
                Entry {
                    mode,
                    object: format!("{kind} {id}"),
                    content,
                },
            )
        })
        .collect()
}

fn contents(
    repository: &Path,
    lines: &[(String, String, String, String)],
) -> BTreeMap<String, Vec<u8>> {
    let blobs: Vec<_> = lines
        .iter()
        .filter(|(_, kind, _, _)| kind == "blob")
        .collect();
    let mut asked = String::new();
    for (_, _, id, _) in &blobs {
        asked.extend([id, "\n"]);
    }
    let answer = git(
        repository,
        &["cat-file", "--batch", "--buffer"],
        asked.as_bytes(),
    );
    let mut rest = &answer[..];
    let mut contents = BTreeMap::new();
    for (_, _, _, path) in blobs {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap();
        let header = std::str::from_utf8(&rest[..end]).unwrap();
        let size: usize = header.rsplit(' ').next().unwrap().parse().unwrap();
        contents.insert(path.clone(), rest[end + 1..end + 1 + size].to_vec());
        rest = &rest[end + 2 + size..];
    }
    contents
}

/// Asserts that a bundle is exactly a commit, and that the usual tools take it.
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
    assert_other_tools_take(zip);
}

/// `unzip -t` and Python's zipfile check every entry's CRC.
pub fn assert_other_tools_take(zip: &[u8]) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle.zip");
    std::fs::write(&path, zip).unwrap();
    let path = path.to_str().unwrap();
    let python = "import sys, zipfile; bad = zipfile.ZipFile(sys.argv[1]).testzip(); sys.exit(bad)";
    for command in [
        vec!["unzip", "-tqq", path],
        vec!["python3", "-c", python, path],
    ] {
        let output = Command::new(command[0])
            .args(&command[1..])
            .output()
            .unwrap_or_else(|error| panic!("the tests need {}: {error}", command[0]));
        // 1 is unzip's "nothing in it" of an archive without entries.
        let nothing = command[0] == "unzip" && entries_of(zip).is_empty();
        assert!(
            output.status.success() || nothing,
            "{command:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
