//! Repositories with branches that are pushed to again and again.

use std::collections::BTreeMap;

use super::World;
use super::repository::{EXECUTABLE, FILE, LINK, Repository};
use super::verdict::Verdict;

pub struct History {
    /// Each with its name.
    pub repositories: Vec<(String, Repository)>,
    /// In the order in which they are sent.
    pub pushes: Vec<Push>,
}

pub struct Push {
    /// Its place among the repositories.
    pub repository: usize,
    pub branch: String,
    pub commit: String,
    pub old: Option<String>,
    /// The id of its event, once it is sent.
    pub event: String,
}

impl History {
    /// Makes repositories with this name and a number behind it, and a commit on each of these
    /// branches, which are spread over them. A branch has so many files, of which each commit
    /// changes one to three.
    pub fn make(name: &str, repositories: usize, files: usize, branches: &[usize]) -> Self {
        let mut history = Self {
            repositories: Vec::new(),
            pushes: Vec::new(),
        };
        // Of each branch, the number of the commit that changed each file last.
        let mut changed: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut commits = vec![Vec::new(); repositories];
        for (number, &branch) in branches.iter().enumerate() {
            let changed = changed.entry(branch).or_insert_with(|| vec![number; files]);
            for step in 0..=number % 3 {
                changed[(number * 7 + step) % files] = number;
            }
            let files = changed.iter().enumerate();
            let files = files.map(|(file, number)| file_of(file, *number, branch));
            let name = format!("feature/{branch:02}");
            commits[branch % repositories].push((name, files.collect::<Vec<_>>()));
        }
        let mut ids = Vec::new();
        for (number, commits) in commits.into_iter().enumerate() {
            let repository = Repository::empty();
            ids.push(repository.commits(commits).into_iter());
            history
                .repositories
                .push((format!("{name}-{number}"), repository));
        }
        let mut tips = BTreeMap::new();
        for branch in branches {
            let repository = branch % repositories;
            let commit = ids[repository].next().unwrap();
            history.pushes.push(Push {
                repository,
                branch: format!("feature/{branch:02}"),
                old: tips.insert(branch, commit.clone()),
                commit,
                event: String::new(),
            });
        }
        history
    }

    /// So many repositories with one push each.
    pub fn of_new(name: &str, repositories: usize, files: usize) -> Self {
        let branches: Vec<_> = (0..repositories).collect();
        Self::make(name, repositories, files, &branches)
    }

    /// So many pushes to one branch of one repository.
    pub fn of_one_branch(pushes: usize) -> Self {
        Self::make("shop", 1, 2, &vec![0; pushes])
    }

    /// Adds a repository with one push, to `main`.
    pub fn add(&mut self, name: &str, (repository, commit): (Repository, String)) {
        self.pushes.push(Push {
            repository: self.repositories.len(),
            branch: "main".to_owned(),
            commit,
            old: None,
            event: String::new(),
        });
        self.repositories.push((name.to_owned(), repository));
    }

    /// Serves the repositories and sends the pushes.
    pub fn send(&mut self, world: &World) {
        for (name, repository) in &self.repositories {
            world.serve(name, repository);
        }
        for push in &mut self.pushes {
            let name = &self.repositories[push.repository].0;
            push.event = world.send(name, &push.branch, &push.commit, push.old.as_deref());
        }
    }

    /// Asserts that each push has one build, exact and in its branch's order.
    pub fn assert_kept(&self, world: &World) {
        let verdict = Verdict::of(self, world);
        assert_eq!(verdict, Verdict::default(), "{}", world.log());
    }
}

/// A file of a branch as a commit leaves it: path, mode and content.
fn file_of(file: usize, commit: usize, branch: usize) -> (String, &'static str, String) {
    let path = format!("src/{}/file {file}", file % 3);
    let (mode, content) = match file {
        0 => (LINK, format!("../file-{commit}")),
        1 => (EXECUTABLE, format!("#!/bin/sh\necho {commit} {branch}\n")),
        _ => (
            FILE,
            format!("{commit} {branch} {}\n", "x".repeat(file * 50)),
        ),
    };
    (path, mode, content)
}
