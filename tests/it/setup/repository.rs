//! Real repositories, built by `git fast-import`, which takes any name and any mode.

use std::collections::BTreeMap;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

pub struct Repository(TempDir);

/// Modes as Git writes them. The content of a submodule is a commit's id.
pub const FILE: &str = "100644";
pub const EXECUTABLE: &str = "100755";
pub const LINK: &str = "120000";
pub const SUBMODULE: &str = "160000";

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

    /// A repository whose branch `main` is one commit with these files: path, mode and content.
    pub fn of(
        files: impl IntoIterator<Item = (impl AsRef<[u8]>, &'static str, impl AsRef<[u8]>)>,
    ) -> (Self, String) {
        let repository = Self::empty();
        let commit = repository.commit("main", files);
        (repository, commit)
    }

    /// A small repository with a file, a program and a link.
    pub fn small() -> (Self, String) {
        Self::of([
            ("README.md", FILE, "# Shop\n"),
            ("bin/run", EXECUTABLE, "#!/bin/sh\n"),
            ("docs/readme", LINK, "../README.md"),
        ])
    }

    /// A repository of so many commits on `main`, oldest first, no two alike.
    pub fn of_history(commits: usize) -> (Self, Vec<String>) {
        let repository = Self::empty();
        let version = |number| ("main", [("version", FILE, format!("version {number}\n"))]);
        let commits = repository.commits((0..commits).map(version));
        (repository, commits)
    }

    /// A repository whose branch `main` is one commit with so many files of so much [`noise`].
    pub fn of_noise(files: usize, bytes: usize, name: fn(usize) -> String) -> (Self, String) {
        let files = 0..files;
        Self::of(files.map(|number| (name(number), FILE, noise(number as u64, bytes))))
    }

    /// A repository with a file in a mode that very old versions of Git wrote, and no API shows.
    pub fn group_writable() -> (Self, String) {
        let repository = Self::empty();
        let blob = repository.blob(b"x");
        let tree = repository.tree(&format!("100664 blob {blob}\told\n"));
        let commit = repository.commit_tree(&tree);
        (repository, commit)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Adds a commit with exactly these files to a branch, and answers its id. Of two files with one
    /// path it has the later one.
    pub fn commit(
        &self,
        branch: &str,
        files: impl IntoIterator<Item = (impl AsRef<[u8]>, &'static str, impl AsRef<[u8]>)>,
    ) -> String {
        self.commits([(branch, files)]).remove(0)
    }

    /// As [`Self::commit`], for many at once, each with its branch.
    pub fn commits<B, F, P, C>(&self, commits: impl IntoIterator<Item = (B, F)>) -> Vec<String>
    where
        B: AsRef<str>,
        F: IntoIterator<Item = (P, &'static str, C)>,
        P: AsRef<[u8]>,
        C: AsRef<[u8]>,
    {
        let tips = self.git(&["for-each-ref", "--format=%(refname:lstrip=2) %(objectname)"]);
        let mut tips: BTreeMap<_, _> = tips.lines().filter_map(|tip| tip.split_once(' ')).collect();
        let mut stream = Vec::new();
        for (branch, files) in commits {
            let branch = branch.as_ref();
            let committer = "committer M <m@example.com> 1560335000 +0000";
            let begin = format!("commit refs/heads/{branch}\nmark :1\n{committer}\ndata 0\n");
            stream.extend(begin.into_bytes());
            // Of later commits, fast-import knows the parent.
            if let Some(tip) = tips.remove(branch) {
                writeln!(stream, "from {tip}").unwrap();
            }
            writeln!(stream, "deleteall").unwrap();
            for (path, mode, content) in files {
                write_file(&mut stream, path.as_ref(), mode, content.as_ref()).unwrap();
            }
            writeln!(stream, "get-mark :1").unwrap();
        }
        // Noise is neither like other noise nor compressible.
        let fast = [
            "-c",
            "pack.compression=0",
            "fast-import",
            "--quiet",
            "--depth=0",
        ];
        let ids = self.git_with(&fast, &stream);
        ids.lines().map(str::to_owned).collect()
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

    /// A commit of a tree, which becomes the branch `main`.
    pub fn commit_tree(&self, tree: &str) -> String {
        let identity = ["-c", "user.name=M", "-c", "user.email=m@example.com"];
        let commit = self.git(&[&identity[..], &["commit-tree", "-m", "m", tree]].concat());
        self.git(&["update-ref", "refs/heads/main", &commit]);
        commit
    }

    pub fn git(&self, args: &[&str]) -> String {
        self.git_with(args, &[])
    }

    /// Runs git here; its standard output.
    pub fn git_with(&self, args: &[&str], input: &[u8]) -> String {
        // Not a pipe: git may answer before it has read everything.
        let mut stdin = tempfile::tempfile().unwrap();
        stdin.write_all(input).unwrap();
        stdin.rewind().unwrap();
        let output = Command::new("git")
            .arg("-C")
            .arg(self.path())
            .args(args)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .stdin(stdin)
            .output()
            .expect("the tests need git");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {said}");
        let answer = String::from_utf8(output.stdout).unwrap();
        answer.trim_end().to_owned()
    }
}

/// A file of a commit, for fast-import.
fn write_file(
    stream: &mut Vec<u8>,
    path: &[u8],
    mode: &str,
    content: &[u8],
) -> std::io::Result<()> {
    let escaped = path.iter().map(|byte| format!("\\{byte:03o}"));
    let path = escaped.collect::<Vec<_>>().concat();
    if mode == SUBMODULE {
        let id = String::from_utf8_lossy(content);
        return writeln!(stream, "M {mode} {id} \"{path}\"");
    }
    writeln!(stream, "M {mode} inline \"{path}\"\ndata {}", content.len())?;
    stream.extend_from_slice(content);
    writeln!(stream)
}

/// So many bytes that do not compress. Every seed makes others.
pub fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    // Xorshift, which never leaves zero.
    let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut noise = vec![0; bytes];
    for eight in noise.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        eight.copy_from_slice(&state.to_le_bytes()[..eight.len()]);
    }
    noise
}
