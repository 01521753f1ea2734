//! A bundle beside what Git says of its commit.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::process::Command;

use anyhow::{Context as _, ensure};
use pushbuild::git::blob_id;
use zip::ZipArchive;

use super::repository::Repository;

/// Fails where a bundle is not exactly a commit, or where `unzip` finds a fault with it.
pub fn judge(zip: &[u8], repository: &Repository, commit: &str) -> anyhow::Result<()> {
    let mut expected = expected(repository, commit);
    let mut archive = ZipArchive::new(Cursor::new(zip))?;
    ensure!(archive.comment() == commit.as_bytes());
    // 1 is unzip's "nothing in it" of an archive without entries.
    run_on(zip, &["unzip", "-tqq"], i32::from(archive.is_empty()))?;
    for number in 0..archive.len() {
        let mut file = archive.by_index(number)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        let (name, comment) = (file.name()?.into_owned(), file.comment().to_owned());
        let is_true = match blob_id(&content) {
            _ if name.ends_with('/') => content.is_empty(),
            // Git's own id: a wrong hash would not be it.
            id => id.is_ok_and(|id| comment == format!("blob {id}")),
        };
        ensure!(is_true, "{name:?} is not {comment}: {content:?}");
        let found = (file.unix_mode().unwrap_or_default(), comment);
        let expected = expected.remove(&name);
        ensure!(
            Some(&found) == expected.as_ref(),
            "{name:?}: {found:?} and not {expected:?}"
        );
    }
    ensure!(expected.is_empty(), "without {expected:?}");
    Ok(())
}

/// What a bundle has to hold of a commit: each name, a folder's with a slash at its end, with its
/// mode and its object.
fn expected(repository: &Repository, commit: &str) -> BTreeMap<String, (u32, String)> {
    let listing = repository.git(&["ls-tree", "-r", "-t", "-z", "--full-tree", commit]);
    let entry = |line: &str| {
        let (object, path) = line.split_once('\t').unwrap();
        let (mode, object) = object.split_once(' ').unwrap();
        let (mode, slash) = match mode {
            "040000" | "160000" => (0o040_755, "/"),
            "120000" => (0o120_777, ""),
            octal => (u32::from_str_radix(octal, 8).unwrap(), ""),
        };
        (format!("{path}{slash}"), (mode, object.to_owned()))
    };
    listing.split_terminator('\0').map(entry).collect()
}

/// Asserts that Python reads every entry.
pub fn assert_python_takes(zip: &[u8]) {
    let python = "import sys, zipfile; sys.exit(zipfile.ZipFile(sys.argv[1]).testzip())";
    run_on(zip, &["python3", "-c", python], 0).unwrap();
}

/// Fails where a program, given a zip, does not end with this status.
fn run_on(zip: &[u8], command: &[&str], status: i32) -> anyhow::Result<()> {
    let mut saved = tempfile::NamedTempFile::new()?;
    saved.write_all(zip)?;
    let mut program = Command::new(command[0]);
    let output = program.args(&command[1..]).arg(saved.path()).output();
    let output = output.with_context(|| format!("the tests need {}", command[0]))?;
    let ended = output.status.code();
    ensure!(ended == Some(status), "{command:?}: {output:?}");
    Ok(())
}
