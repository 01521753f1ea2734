//! Repositories with branches that are pushed to again and again.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::World;
use super::bundle::{Entry, entries_in_git};
use super::repository::Repository;
use super::verdict::Verdict;

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
    /// Makes repositories with this name and a number behind it, and a commit on each of these
    /// branches, which are spread over them. A branch has so many files, of which each commit
    /// changes a few.
    pub fn make(
        name: &str,
        repositories: usize,
        files: usize,
        branches: &[usize],
        random: &mut StdRng,
    ) -> Self {
        let mut scripts = vec![String::new(); repositories];
        let number_of_branches = branches.iter().max().map_or(0, |most| most + 1);
        let mut seen = vec![false; number_of_branches];
        for (number, &branch) in branches.iter().enumerate() {
            let is_new = !std::mem::replace(&mut seen[branch], true);
            let changed: Vec<_> = if is_new {
                (0..files).collect()
            } else {
                let changes = 0..random.random_range(1..=3);
                changes.map(|_| random.random_range(0..files)).collect()
            };
            let script = &mut scripts[branch % repositories];
            write_commit(script, number, &branch_name(branch), &changed).unwrap();
        }
        let mut commits = vec![String::new(); branches.len()];
        let imported = scripts.iter().enumerate().map(|(number, script)| {
            let repository = Repository::empty();
            for (number, commit) in repository.import(script) {
                commits[number - 1] = commit;
            }
            (format!("{name}-{number}"), repository)
        });
        let imported = imported.collect();
        let mut tips: Vec<Option<String>> = vec![None; number_of_branches];
        let push = |(&branch, commit): (&usize, String)| Push {
            repository: branch % repositories,
            branch: branch_name(branch),
            old: tips[branch].replace(commit.clone()),
            commit,
        };
        let pushes = branches.iter().zip(commits).map(push).collect();
        Self {
            repositories: imported,
            pushes,
        }
    }

    /// So many repositories with one push each.
    pub fn of_new(name: &str, repositories: usize, files: usize) -> Self {
        let branches: Vec<_> = (0..repositories).collect();
        let mut random = StdRng::seed_from_u64(0);
        Self::make(name, repositories, files, &branches, &mut random)
    }

    /// So many pushes to one branch of one repository.
    pub fn of_one_branch(pushes: usize) -> Self {
        let mut random = StdRng::seed_from_u64(0);
        Self::make("shop", 1, 2, &vec![0; pushes], &mut random)
    }

    /// What Git says that a push's commit holds.
    pub fn entries_of(&self, push: &Push) -> BTreeMap<String, Entry> {
        let (_, repository) = &self.repositories[push.repository];
        entries_in_git(repository.path(), &push.commit)
    }

    /// Serves the repositories and sends the pushes; the events' ids.
    pub fn send(&self, world: &World) -> Vec<String> {
        for (name, repository) in &self.repositories {
            world.serve(name, repository);
        }
        let send = |push: &Push| {
            let name = &self.repositories[push.repository].0;
            world.send(name, &push.branch, &push.commit, push.old.as_deref())
        };
        self.pushes.iter().map(send).collect()
    }

    /// Asserts that each push has one build, exact and in its branch's order.
    pub fn assert_kept(&self, events: &[String], world: &World) {
        let verdict = Verdict::of(self, events, world);
        assert_eq!(verdict, Verdict::default(), "{}", world.log());
    }
}

fn branch_name(number: usize) -> String {
    format!("feature/{number:02}")
}

fn write_commit(
    script: &mut String,
    number: usize,
    branch: &str,
    changed: &[usize],
) -> std::fmt::Result {
    write!(
        script,
        "commit refs/heads/{branch}\nmark :{}\ncommitter S <s@example.com> {} +0000\ndata 0\n",
        number + 1,
        1_700_000_000 + number
    )?;
    for file in changed {
        let path = format!("src/{}/file {file}", file % 3);
        let (mode, content) = match file {
            0 => ("120000", format!("../file-{number}")),
            1 => ("100755", format!("#!/bin/sh\necho {number} {branch}\n")),
            _ => (
                "100644",
                format!("{number} {branch} {}\n", "x".repeat(file * 50)),
            ),
        };
        let bytes = content.len();
        write!(script, "M {mode} inline {path}\ndata {bytes}\n{content}\n")?;
    }
    Ok(())
}
