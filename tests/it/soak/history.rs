//! Repositories with branches that are pushed to again and again.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::SystemTime;

use anyhow::{Context as _, ensure};
use rand::RngExt as _;
use rand::rngs::StdRng;
use tempfile::TempDir;

use crate::events::RepositoryEvent;

const REPOSITORIES: usize = 3;
const BRANCHES: usize = 40;

/// Message groups of each repository: more than the template's one, so that lanes mix.
const GROUPS: usize = 3;

/// Files that a branch's commits change.
const FILES: usize = 12;

pub struct History {
    pub repositories: Vec<Repository>,
    /// In the order in which they are sent.
    pub pushes: Vec<Push>,
}

pub struct Repository {
    pub name: String,
    folder: TempDir,
}

#[derive(Clone)]
pub struct Push {
    pub repository: usize,
    pub branch: String,
    pub group: String,
    pub commit: String,
    pub old: Option<String>,
}

impl Repository {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs git here.
    pub fn git(&self, args: &[&str], input: &[u8]) -> anyhow::Result<Vec<u8>> {
        let mut child = Command::new("git")
            .arg("-C")
            .arg(self.path())
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("a soak needs git")?;
        let mut stdin = child.stdin.take().context("git has no input")?;
        let output = std::thread::scope(|scope| {
            // What git does not read, it says by its exit.
            scope.spawn(move || {
                let _ = stdin.write_all(input);
            });
            child.wait_with_output()
        })?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "git {args:?}: {said}");
        Ok(output.stdout)
    }
}

impl History {
    /// Makes so many commits on random branches, each the next push of its branch.
    pub fn make(pushes: usize, random: &mut StdRng) -> anyhow::Result<Self> {
        let mut repositories = Vec::new();
        for number in 0..REPOSITORIES {
            let repository = Repository {
                name: format!("soak-{number}"),
                folder: tempfile::tempdir()?,
            };
            repository.git(&["init", "--quiet", "--bare", "."], &[])?;
            repositories.push(repository);
        }
        let mut planned: Vec<(usize, usize)> = Vec::new();
        let mut scripts: [String; REPOSITORIES] = Default::default();
        let mut seen = [false; BRANCHES];
        for number in 0..pushes {
            let branch = random.random_range(0..BRANCHES);
            let repository = branch % REPOSITORIES;
            let is_new = !std::mem::replace(&mut seen[branch], true);
            let script = &mut scripts[repository];
            write_commit(script, number, &branch_name(branch), is_new, random)?;
            planned.push((repository, branch));
        }
        let mut commits = vec![String::new(); pushes];
        for (repository, script) in repositories.iter().zip(&scripts) {
            let fast_import = ["fast-import", "--quiet", "--export-marks=marks"];
            repository.git(&fast_import, script.as_bytes())?;
            // A repository that no branch fell to has no commit and no marks.
            let marks = std::fs::read_to_string(repository.path().join("marks"));
            for line in marks.unwrap_or_default().lines() {
                let (mark, commit) = line.split_once(' ').context("a mark has a commit")?;
                let number: usize = mark.trim_start_matches(':').parse()?;
                commit.clone_into(&mut commits[number - 1]);
            }
        }
        let mut tips: Vec<Option<String>> = vec![None; BRANCHES];
        let pushes = planned
            .into_iter()
            .zip(commits)
            .map(|((repository, branch), commit)| Push {
                repository,
                branch: branch_name(branch),
                group: format!("soak-{repository}-{}", branch % GROUPS),
                old: tips[branch].replace(commit.clone()),
                commit,
            })
            .collect();
        Ok(Self {
            repositories,
            pushes,
        })
    }
}

impl Push {
    /// Its event, as of this moment.
    pub fn event(&self, history: &History, at: SystemTime) -> RepositoryEvent {
        let repository = &history.repositories[self.repository].name;
        let full_name = format!("refs/heads/{}", self.branch);
        let event = match &self.old {
            Some(old) => RepositoryEvent::updated(repository, &full_name, &self.commit, old),
            None => RepositoryEvent::created(repository, &full_name, &self.commit),
        };
        event.from("000000000000", "eu-west-1", at)
    }
}

fn branch_name(number: usize) -> String {
    format!("feature/{number:02}")
}

fn write_commit(
    script: &mut String,
    number: usize,
    branch: &str,
    is_new: bool,
    random: &mut StdRng,
) -> std::fmt::Result {
    write!(
        script,
        "commit refs/heads/{branch}\nmark :{}\ncommitter S <s@example.com> {} +0000\ndata 0\n",
        number + 1,
        1_700_000_000 + number
    )?;
    // A new branch has all files, a later commit changes a few.
    let changes: Vec<usize> = if is_new {
        (0..FILES).collect()
    } else {
        (0..random.random_range(1..=3))
            .map(|_| random.random_range(0..FILES))
            .collect()
    };
    for file in changes {
        let path = format!("src/{}/file {file}", file % 3);
        let (mode, content) = match file {
            0 => ("120000", format!("../file-{number}")),
            1 => ("100755", format!("#!/bin/sh\necho {number} {branch}\n")),
            _ => (
                "100644",
                format!("{number} {branch} {}\n", "x".repeat(file * 50)),
            ),
        };
        write!(
            script,
            "M {mode} inline {path}\ndata {}\n{content}\n",
            content.len()
        )?;
    }
    Ok(())
}
