//! Real repositories for the tests, made by the real `git`.

use std::ffi::OsStr;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::CodeCommit;
use crate::error::ServiceError;

/// A repository in a folder of its own, served as "demo".
pub(crate) struct Repo {
    /// Holds the repository and whatever a test puts beside it.
    pub(crate) dir: tempfile::TempDir,
    pub(crate) service: CodeCommit,
}

/// The commit specifier of the branch that most tests are about.
pub(crate) const MAIN: &str = "refs/heads/main";

/// An entry for [`Repo::commit`]: mode, content (a submodule's is its commit), path.
pub(crate) type New<'a> = (&'a str, &'a [u8], &'a [u8]);

/// Each kind of entry.
pub(crate) const SAMPLER: &[New<'_>] = &[
    ("100644", b"# demo\n", b"README.md"),
    ("100755", b"#!/bin/sh\n", b"bin/run"),
    ("120000", b"bin/run", b"link"),
    ("160000", &[b'1'; 40], b"module"),
];

impl Repo {
    pub(crate) fn new() -> Self {
        let repo = Self {
            dir: tempfile::tempdir().unwrap(),
            service: CodeCommit::new(),
        };
        std::fs::create_dir(repo.path()).unwrap();
        repo.git(["init", "-q", "-b", "main"]);
        repo.service.add_repository("demo", &repo.path()).unwrap();
        repo
    }

    /// With one commit of the [`SAMPLER`] on `main`.
    pub(crate) fn sampler() -> Self {
        let repo = Self::new();
        repo.commit("main", SAMPLER);
        repo
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("demo")
    }

    /// Runs git in the repository and returns what it prints, without the last newline.
    pub(crate) fn git<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        git(&self.path(), arguments, b"")
    }

    /// Stores a blob and returns its id.
    pub(crate) fn blob(&self, content: &[u8]) -> String {
        git(&self.path(), ["hash-object", "-w", "--stdin"], content)
    }

    /// Commits exactly these entries on the tip of `branch`, which need not exist yet.
    pub(crate) fn commit(&self, branch: &str, entries: &[New<'_>]) -> String {
        let mut index = Vec::new();
        for (mode, content, path) in entries {
            let id = match *mode {
                "160000" => String::from_utf8(content.to_vec()).unwrap(),
                _ => self.blob(content),
            };
            index.extend_from_slice(format!("{mode} {id}\t").as_bytes());
            index.extend_from_slice(path);
            index.push(0);
        }
        self.git(["read-tree", "--empty"]);
        git(&self.path(), ["update-index", "-z", "--index-info"], &index);
        let tree = self.git(["write-tree"]);
        let branch = format!("refs/heads/{branch}");
        let tip = self.git(["for-each-ref", "--format=%(objectname)", &branch]);
        let mut command = vec!["commit-tree", "-m", "a message", &tree];
        if !tip.is_empty() {
            command.extend(["-p", &tip]);
        }
        let commit = self.git(command);
        self.git(["update-ref", &branch, &commit]);
        commit
    }

    /// Calls the service, with `repositoryName` filled in.
    pub(crate) async fn call(
        &self,
        operation: &str,
        mut input: Value,
    ) -> Result<Value, ServiceError> {
        if input.get("repositoryName").is_none() {
            input["repositoryName"] = json!("demo");
        }
        self.service.call(operation, input).await
    }

    /// GetFile of `main`.
    pub(crate) async fn file(&self, path: &str) -> Result<Value, ServiceError> {
        let input = json!({"filePath": path, "commitSpecifier": MAIN});
        self.call("GetFile", input).await
    }

    /// The name of the exception that a call must end in.
    pub(crate) async fn refused(&self, operation: &str, input: Value) -> String {
        self.call(operation, input).await.unwrap_err().code
    }
}

/// Runs git, free of the configuration of the user who runs the tests.
pub(crate) fn git<S: AsRef<OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
    input: &[u8],
) -> String {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command.envs([
        ("GIT_ADVICE", "0"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_AUTHOR_NAME", "Mary Major"),
        ("GIT_AUTHOR_EMAIL", "mary@example.com"),
        ("GIT_COMMITTER_NAME", "Li Juan"),
        ("GIT_COMMITTER_EMAIL", "li@example.com"),
        ("GIT_AUTHOR_DATE", "1484167798 -0800"),
        ("GIT_COMMITTER_DATE", "1484167799 +0530"),
    ]);
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(out.status.success(), "{command:?}");
    let out = String::from_utf8(out.stdout).unwrap();
    out.strip_suffix('\n').unwrap_or(&out).to_owned()
}
