//! A repository that is large enough for a base bundle to pay.

use super::World;
use super::repository::{EXECUTABLE, FILE, LINK, Repository};

/// Path, mode and content.
pub type File = (String, &'static str, Vec<u8>);

/// Sixty files in six folders, and a link and a program beside them; and what is changed of it.
pub fn project(changed: &[(&str, &str)]) -> Vec<File> {
    let file = |path: &str, mode, content: &str| (path.to_owned(), mode, content.into());
    let docs = (0..60).map(|number| {
        let path = format!("docs/{}/{}", number / 10, number % 10);
        let content = format!("{path}\n").repeat(30 * (number % 10) + 1);
        file(&path, FILE, &content)
    });
    let mut files: Vec<File> = docs.collect();
    files.push(file("bin/run", EXECUTABLE, "#!/bin/sh"));
    files.push(file("readme", LINK, "docs/0/3"));
    files.extend(
        changed
            .iter()
            .map(|(path, content)| file(path, FILE, content)),
    );
    files
}

/// A world in which `main` of `shop` has been built at its first commit; and that commit.
pub async fn built_once() -> (World, Repository, String) {
    let world = World::start().await;
    let shop = Repository::of(project(&[]));
    world.push_shop(&shop).await;
    world.build();
    world.aws.calls.clear();
    (world, shop.0, shop.1)
}

/// Pushes `main` of `shop` once more; the build's bundle is exactly the commit.
pub async fn update(world: &World, repository: &Repository, commit: &str, old: &str) {
    let event = world.send("shop", "main", commit, Some(old));
    world.settle().await;
    world.assert_built_once(&event, repository, commit);
}
