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
    /// What very old versions of Git wrote; no API shows it.
    GroupWritable,
}

impl Mode {
    fn octal(self) -> &'static str {
        match self {
            Self::File => "100644",
            Self::Executable => "100755",
            Self::Link => "120000",
            Self::Submodule => "160000",
            Self::GroupWritable => "100664",
        }
    }
}

/// One file of a commit; of a submodule, the content is a commit id.
pub type FileOf<'a> = (&'a [u8], Mode, &'a [u8]);

impl Repository {
    pub fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let repository = Self(folder);
        repository.git(&["init", "--quiet", "--bare", "--initial-branch=main", "."]);
        repository
    }

    /// A repository whose branch `main` is one commit with these files.
    pub fn of(files: &[FileOf<'_>]) -> (Self, String) {
        let repository = Self::empty();
        let commit = repository.commit("main", files);
        (repository, commit)
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
            let path = quoted(path);
            if *mode == Mode::Submodule {
                stream.extend_from_slice(format!("M {} ", mode.octal()).as_bytes());
                stream.extend_from_slice(content);
                stream.push(b' ');
                stream.extend_from_slice(&path);
                stream.push(b'\n');
                continue;
            }
            // fast-import knows no 100664; the tree is mended below.
            let mode = if *mode == Mode::GroupWritable {
                Mode::File
            } else {
                *mode
            };
            stream.extend_from_slice(format!("M {} inline ", mode.octal()).as_bytes());
            stream.extend_from_slice(&path);
            write!(stream, "\ndata {}\n", content.len()).unwrap();
            stream.extend_from_slice(content);
            stream.push(b'\n');
        }
        self.git_with(&["fast-import", "--quiet", "--force"], &stream);
        let commit = self.tip(branch).unwrap();
        if files
            .iter()
            .any(|(_, mode, _)| *mode == Mode::GroupWritable)
        {
            return self.with_group_writable(branch, &commit);
        }
        commit
    }

    /// The same commit with every plain file of its root in the old mode 100664.
    fn with_group_writable(&self, branch: &str, commit: &str) -> String {
        let listing = self.git_bytes(&["cat-file", "tree", &format!("{commit}^{{tree}}")], &[]);
        let mut tree = Vec::new();
        let mut rest = &listing[..];
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == 0).unwrap() + 21;
            let entry = &rest[..end];
            match entry.strip_prefix(b"100644") {
                Some(after) => {
                    tree.extend_from_slice(b"100664");
                    tree.extend_from_slice(after);
                }
                None => tree.extend_from_slice(entry),
            }
            rest = &rest[end..];
        }
        let tree = self.git_with(
            &["hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
            &tree,
        );
        let mended = self.git(&[
            "-c",
            "user.name=M",
            "-c",
            "user.email=m@example.com",
            "commit-tree",
            "-m",
            "old modes",
            &tree,
        ]);
        self.git(&["update-ref", &format!("refs/heads/{branch}"), &mended]);
        mended
    }

    pub fn tip(&self, branch: &str) -> Option<String> {
        let output = Command::new("git")
            .arg("-C")
            .arg(self.path())
            .args([
                "rev-parse",
                "--verify",
                "--quiet",
                &format!("refs/heads/{branch}"),
            ])
            .output()
            .unwrap();
        output
            .status
            .success()
            .then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    pub fn git(&self, args: &[&str]) -> String {
        self.git_with(args, &[])
    }

    pub fn git_with(&self, args: &[&str], input: &[u8]) -> String {
        String::from_utf8(self.git_bytes(args, input))
            .unwrap()
            .trim_end()
            .to_owned()
    }

    pub fn git_bytes(&self, args: &[&str], input: &[u8]) -> Vec<u8> {
        git(self.path(), args, input)
    }
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
