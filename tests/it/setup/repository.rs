//! Real repositories, built by `git fast-import`, which takes any name and any mode.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

pub struct Repository(TempDir);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    File,
    Executable,
    Link,
    Submodule,
    /// What very old versions of Git wrote; no API shows it. In a repository's root only.
    GroupWritable,
}

impl Mode {
    fn octal(self) -> &'static str {
        match self {
            // fast-import knows no 100664: such a commit is made over.
            Self::File | Self::GroupWritable => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Submodule => "160000",
        }
    }
}

/// One file of a commit; of a submodule, the content is a commit id.
pub type FileOf<'a> = (&'a [u8], Mode, &'a [u8]);

impl Repository {
    /// An empty folder, for a repository that something else makes.
    pub fn unborn() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn empty() -> Self {
        let repository = Self::unborn();
        repository.git(&["init", "--quiet", "--bare", "--initial-branch=main", "."]);
        repository
    }

    /// A repository whose branch `main` is one commit with these files.
    pub fn of(files: &[FileOf<'_>]) -> (Self, String) {
        let repository = Self::empty();
        let commit = repository.commit("main", files);
        (repository, commit)
    }

    /// A small repository with a file, a program and a link.
    pub fn small() -> (Self, String) {
        Self::of(&[
            (b"README.md", Mode::File, b"# Shop\n"),
            (b"bin/run", Mode::Executable, b"#!/bin/sh\n"),
            (b"docs/readme", Mode::Link, b"../README.md"),
        ])
    }

    /// A repository of so many commits on `main`, oldest first, no two alike.
    pub fn of_history(commits: usize) -> (Self, Vec<String>) {
        let repository = Self::empty();
        let commit = |number| {
            let content = format!("version {number}\n");
            repository.commit("main", &[(b"version", Mode::File, content.as_bytes())])
        };
        let commits = (0..commits).map(commit).collect();
        (repository, commits)
    }

    /// A repository whose branch `main` is one commit with so many files of so many bytes that do
    /// not compress. Every seed makes other contents.
    pub fn of_noise(
        seed: u64,
        files: usize,
        bytes: usize,
        name: impl Fn(usize) -> String,
    ) -> (Self, String) {
        // Xorshift, which never leaves zero.
        let mut state = seed + 1;
        let mut noise = || {
            let mut out = Vec::with_capacity(bytes + 8);
            while out.len() < bytes {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                out.extend_from_slice(&state.to_le_bytes());
            }
            out.truncate(bytes);
            out
        };
        let contents: Vec<_> = (0..files).map(|number| (name(number), noise())).collect();
        let files: Vec<_> = contents
            .iter()
            .map(|(name, content)| (name.as_bytes(), Mode::File, content.as_slice()))
            .collect();
        Self::of(&files)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Adds a commit with exactly these files to a branch, and answers its id.
    pub fn commit(&self, branch: &str, files: &[FileOf<'_>]) -> String {
        let reference = format!("refs/heads/{branch}");
        let mut stream = Vec::new();
        write!(
            stream,
            "commit {reference}\ncommitter M <m@example.com> 1560335000 +0000\ndata 0\n"
        )
        .unwrap();
        if let Some(parent) = self.tip(branch) {
            writeln!(stream, "from {parent}").unwrap();
        }
        writeln!(stream, "deleteall").unwrap();
        for (path, mode, content) in files {
            let (path, octal) = (quoted(path), mode.octal());
            if *mode == Mode::Submodule {
                let id = String::from_utf8_lossy(content);
                write!(stream, "M {octal} {id} ").unwrap();
                stream.extend([&path[..], b"\n"].concat());
                continue;
            }
            write!(stream, "M {octal} inline ").unwrap();
            stream.extend_from_slice(&path);
            write!(stream, "\ndata {}\n", content.len()).unwrap();
            stream.extend([content, &b"\n"[..]].concat());
        }
        self.git_with(&["fast-import", "--quiet", "--force"], &stream);
        let commit = self.tip(branch).unwrap();
        let old_mode = |(_, mode, _): &FileOf<'_>| *mode == Mode::GroupWritable;
        if files.iter().any(old_mode) {
            return self.with_group_writable(branch, &commit);
        }
        commit
    }

    /// Runs a script of fast-import; its marks and their commits.
    pub fn import(&self, script: &str) -> Vec<(usize, String)> {
        let fast_import = ["fast-import", "--quiet", "--export-marks=marks"];
        self.git_with(&fast_import, script.as_bytes());
        // Without a commit there are no marks.
        let marks = std::fs::read_to_string(self.path().join("marks")).unwrap_or_default();
        let mark = |line: &str| {
            let (mark, commit) = line.trim_start_matches(':').split_once(' ').unwrap();
            (mark.parse().unwrap(), commit.to_owned())
        };
        marks.lines().map(mark).collect()
    }

    /// The same commit with every plain file of its root in the old mode 100664.
    fn with_group_writable(&self, branch: &str, commit: &str) -> String {
        let listing = self.git(&["ls-tree", commit]);
        let listing = listing.replace("100644", "100664") + "\n";
        let tree = self.git_with(&["mktree"], listing.as_bytes());
        let mended = self.commit_tree(&tree);
        self.git(&["update-ref", &format!("refs/heads/{branch}"), &mended]);
        mended
    }

    pub fn blob(&self, content: &[u8]) -> String {
        self.git_with(&["hash-object", "-w", "--stdin"], content)
    }

    /// A tree object of what `git ls-tree` would print of it.
    pub fn tree(&self, listing: &str) -> String {
        self.git_with(&["mktree", "--missing"], listing.as_bytes())
    }

    /// A tree object that has the same thing, such as `100644 blob {id}`, under many names.
    pub fn wide(&self, thing: &str, names: impl Iterator<Item = String>) -> String {
        let entry = |name| format!("{thing}\t{name}\n");
        self.tree(&names.map(entry).collect::<String>())
    }

    /// A commit of a tree, on no branch.
    pub fn commit_tree(&self, tree: &str) -> String {
        let identity = ["-c", "user.name=M", "-c", "user.email=m@example.com"];
        self.git(&[&identity[..], &["commit-tree", "-m", "m", tree]].concat())
    }

    pub fn tip(&self, branch: &str) -> Option<String> {
        let reference = format!("refs/heads/{branch}");
        let tip = self.git(&["for-each-ref", "--format=%(objectname)", &reference]);
        Some(tip).filter(|tip| !tip.is_empty())
    }

    pub fn git(&self, args: &[&str]) -> String {
        self.git_with(args, &[])
    }

    pub fn git_with(&self, args: &[&str], input: &[u8]) -> String {
        let said = String::from_utf8(git(self.path(), args, input)).unwrap();
        said.trim_end().to_owned()
    }
}

/// What Git LFS leaves in a tree in place of a file; every number makes another.
pub fn lfs_pointer(number: u32) -> Vec<u8> {
    let spec = "version https://git-lfs.github.com/spec/v1";
    format!("{spec}\noid sha256:{number:064x}\nsize 12345\n").into_bytes()
}

/// Runs git in a repository and answers its standard output.
pub fn git(repository: &Path, args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("git")
        .arg("-C")
        .arg(repository)
        .args(args)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the tests need git");
    let mut stdin = child.stdin.take().unwrap();
    // Beside reading: git may answer before it has read everything.
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// As fast-import reads a path: C-style quotes.
fn quoted(path: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for &byte in path {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
    out
}
