//! Builds and their bundles beside what Git says of their commits.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _, Write as _};
use std::process::Command;

use anyhow::{Context as _, ensure};
use pushbuild::git::blob_id;
use pushbuild_local::codebuild::Build;
use zip::ZipArchive;

use super::World;
use super::repository::Repository;

impl World {
    /// Asserts that an event has one build, and that its bundle is exactly the commit.
    pub fn assert_built_once(&self, event: &str, repository: &Repository, commit: &str) {
        let builds = self.builds_of(event);
        assert_eq!(builds.len(), 1, "builds of {event}\n{}", self.log());
        self.assert_exact(&builds[0], repository, commit);
    }

    /// Asserts that the newest build is one of this commit, and that its bundle is exactly that.
    pub fn assert_built(&self, repository: &Repository, commit: &str) {
        let build = self.builds().pop();
        let build = build.unwrap_or_else(|| panic!("no build\n{}", self.log()));
        self.assert_exact(&build, repository, commit);
    }

    fn assert_exact(&self, build: &Build, repository: &Repository, commit: &str) {
        assert_eq!(build.source_type, "S3", "{}", self.log());
        let judged = self.judge(build, repository, commit);
        judged.unwrap_or_else(|why| panic!("{why:#}\n{}", self.log()));
    }

    /// Fails where a build, of a bundle or straight from CodeCommit, is not one of exactly this commit.
    pub fn judge(
        &self,
        build: &Build,
        repository: &Repository,
        commit: &str,
    ) -> anyhow::Result<()> {
        ensure!(build.variable("COMMIT_ID") == Some(commit), "{build:?}");
        if build.source_type == "S3" {
            return compare(&self.bundle_of(build), repository, commit);
        }
        let version = build.source_version.as_deref().unwrap_or_default();
        ensure!(version.ends_with(&format!("^{{{commit}}}")), "{version}");
        Ok(())
    }

    /// The bytes of the bundle that a build was started with.
    pub fn bundle_of(&self, build: &Build) -> Vec<u8> {
        let location = build.source_location.as_deref().unwrap();
        let (bucket, key) = location.split_once('/').unwrap();
        let newest = self.aws.s3.versions(bucket);
        let newest = newest.iter().find(|version| version.key == key).unwrap();
        assert_eq!(
            Some(&newest.version_id),
            build.source_version.as_ref(),
            "the build was started with an older version of {key}"
        );
        std::fs::read(self.aws.s3.path(bucket, key)).unwrap()
    }
}

/// Fails where a bundle is not exactly a commit, or where `unzip` finds a fault with it.
fn compare(zip: &[u8], repository: &Repository, commit: &str) -> anyhow::Result<()> {
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
