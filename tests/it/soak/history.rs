//! Repositories with branches that are pushed to again and again.

use std::fmt::Write as _;
use std::time::SystemTime;

use rand::RngExt as _;
use rand::rngs::StdRng;

use crate::setup::prelude::*;

const REPOSITORIES: usize = 3;
const BRANCHES: usize = 40;

/// Files that a branch's commits change.
const FILES: usize = 12;

pub struct History {
    /// Each with its name.
    pub repositories: Vec<(String, Repository)>,
    /// In the order in which they are sent.
    pub pushes: Vec<Push>,
}

pub struct Push {
    pub repository: usize,
    pub branch: String,
    pub commit: String,
    pub old: Option<String>,
}

impl History {
    /// Makes so many commits on random branches, each the next push of its branch.
    pub fn make(pushes: usize, random: &mut StdRng) -> Self {
        let mut scripts: [String; REPOSITORIES] = Default::default();
        let mut seen = [false; BRANCHES];
        let branches: Vec<usize> = (0..pushes)
            .map(|number| {
                let branch = random.random_range(0..BRANCHES);
                let is_new = !std::mem::replace(&mut seen[branch], true);
                let script = &mut scripts[branch % REPOSITORIES];
                write_commit(script, number, &branch_name(branch), is_new, random).unwrap();
                branch
            })
            .collect();
        let mut commits = vec![String::new(); pushes];
        let mut repositories = Vec::new();
        for (number, script) in scripts.iter().enumerate() {
            let repository = Repository::empty();
            let fast_import = ["fast-import", "--quiet", "--export-marks=marks"];
            repository.git_with(&fast_import, script.as_bytes());
            // A repository without a commit has no marks.
            let marks = std::fs::read_to_string(repository.path().join("marks"));
            for line in marks.unwrap_or_default().lines() {
                let (mark, commit) = line.split_once(' ').unwrap();
                let number: usize = mark.trim_start_matches(':').parse().unwrap();
                commit.clone_into(&mut commits[number - 1]);
            }
            repositories.push((format!("soak-{number}"), repository));
        }
        let mut tips: Vec<Option<String>> = vec![None; BRANCHES];
        let push = |(branch, commit): (usize, String)| Push {
            repository: branch % REPOSITORIES,
            branch: branch_name(branch),
            old: tips[branch].replace(commit.clone()),
            commit,
        };
        let pushes = branches.into_iter().zip(commits).map(push).collect();
        Self {
            repositories,
            pushes,
        }
    }
}

impl Push {
    /// Its event, as of this moment.
    pub fn event(&self, history: &History, at: SystemTime) -> RepositoryEvent {
        let repository = &history.repositories[self.repository].0;
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
