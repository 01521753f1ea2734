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

/// Each kind of entry, and each kind of name that has ever broken a tool.
pub(crate) const SAMPLER: &[New<'_>] = &[
    ("100644", b"# demo\n", b"README.md"),
    ("100755", b"#!/bin/sh\n", b"bin/run"),
    ("100644", b"", b"empty"),
    ("120000", b"bin/run", b"link"),
    ("120000", b"../README.md", b"bin/up"),
    ("120000", b"no/where", b"bin/dangling"),
    (
        "160000",
        b"5ed1c0de5ed1c0de5ed1c0de5ed1c0de5ed1c0de",
        b"vendor/module",
    ),
    (
        "160000",
        b"5ed1c0de5ed1c0de5ed1c0de5ed1c0de5ed1c0de",
        b"module",
    ),
    ("100644", b"1", b"a b/c  d.txt"),
    ("100644", b"2", b"quote\"'`$.txt"),
    ("100644", b"3", b"100%25+#?&.txt"),
    ("100644", b"4", b"back\\slash\\x"),
    ("100644", b"5", b"new\nline"),
    (
        "100644",
        b"6",
        "gr\u{fc}\u{df}e/\u{65e5}\u{672c}.txt".as_bytes(),
    ),
    ("100644", b"7", "\u{1f980}".as_bytes()),
    (
        "100644",
        b"8",
        b"deep/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19/20/21/22/leaf",
    ),
    // Where Git's order differs from that of plain names.
    ("100644", b"9", b"order.txt"),
    ("100644", b"10", b"order/in"),
    ("100644", b"11", b"order0"),
    ("100644", b"1", b"same content"),
    ("100644", &[0, 255, 128, 10, 13], b"binary"),
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
        let out = String::from_utf8(git(&self.path(), arguments, b"")).unwrap();
        out.strip_suffix('\n').unwrap_or(&out).to_owned()
    }

    /// Stores a blob and returns its id.
    pub(crate) fn blob(&self, content: &[u8]) -> String {
        let id = git(&self.path(), ["hash-object", "-w", "--stdin"], content);
        String::from_utf8(id).unwrap().trim().to_owned()
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
        self.commit_tree(branch, &tree)
    }

    pub(crate) fn commit_tree(&self, branch: &str, tree: &str) -> String {
        let branch = format!("refs/heads/{branch}");
        let tip = self.git(["for-each-ref", "--format=%(objectname)", &branch]);
        let mut command = vec!["commit-tree", "-m", "a message", tree];
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

    /// GetFolder of `main`.
    pub(crate) async fn folder(&self, path: &str) -> Result<Value, ServiceError> {
        let input = json!({"folderPath": path, "commitSpecifier": MAIN});
        self.call("GetFolder", input).await
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
) -> Vec<u8> {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let shown: Vec<_> = arguments
        .iter()
        .map(|part| part.as_ref().to_owned())
        .collect();
    let mut child = Command::new("git")
        .args(&arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("GIT_ADVICE", "0")
        .envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ])
        .envs([
            ("GIT_AUTHOR_NAME", "Mary Major"),
            ("GIT_AUTHOR_EMAIL", "mary@example.com"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "Li Juan"),
            ("GIT_COMMITTER_EMAIL", "li@example.com"),
        ])
        .envs([
            ("GIT_AUTHOR_DATE", "1484167798 -0800"),
            ("GIT_COMMITTER_DATE", "1484167799 +0530"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let out = child.wait_with_output().unwrap();
    assert!(
        out.status.success(),
        "git {shown:?} in {}",
        folder.display()
    );
    out.stdout
}
