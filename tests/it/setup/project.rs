//! A repository that is large enough for a base bundle to pay.

use super::World;
use super::repository::{Mode, Repository};

/// Sixty files in six folders, and a link and a program beside them.
pub fn project(changed: &[(&str, &str)]) -> Vec<(String, Mode, Vec<u8>)> {
    let mut files = vec![
        (
            "bin/run".to_owned(),
            Mode::Executable,
            b"#!/bin/sh".to_vec(),
        ),
        ("readme".to_owned(), Mode::Link, b"docs/0/3".to_vec()),
    ];
    for folder in 0..6 {
        for file in 0..10 {
            let path = format!("docs/{folder}/{file}");
            let content = format!("{path}\n").repeat(30 * file + 1);
            files.push((path, Mode::File, content.into_bytes()));
        }
    }
    for (path, content) in changed {
        let content = content.as_bytes().to_vec();
        match files.iter_mut().find(|(known, _, _)| known == path) {
            Some(file) => file.2 = content,
            None => files.push(((*path).to_owned(), Mode::File, content)),
        }
    }
    files
}

pub fn commit(repository: &Repository, files: &[(String, Mode, Vec<u8>)]) -> String {
    let files: Vec<_> = files
        .iter()
        .map(|(path, mode, content)| (path.as_bytes(), *mode, content.as_slice()))
        .collect();
    repository.commit("main", &files)
}

/// A world in which `main` of `shop` has been built at its first commit; and that commit.
pub async fn built_once() -> (World, Repository, String) {
    let world = World::start().await;
    let repository = Repository::empty();
    let first = commit(&repository, &project(&[]));
    world.serve("shop", &repository);
    world.push("shop", "main", &first).await;
    assert_eq!(world.builds().len(), 1, "{}", world.log());
    world.aws.calls().clear();
    (world, repository, first)
}

/// Pushes `main` of `shop` once more; the build's bundle is exactly the commit.
pub async fn update(world: &World, repository: &Repository, commit: &str, old: &str) {
    let builds = world.builds().len();
    world.send("shop", "main", commit, Some(old));
    world.settle().await;
    assert_eq!(world.builds().len(), builds + 1, "{}", world.log());
    world.assert_built(repository, commit);
}
