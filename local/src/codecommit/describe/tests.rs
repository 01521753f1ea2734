//! Descriptions and counts against what git says of the same repository.

use super::*;
use crate::codecommit::fixture::{Repo, SAMPLER};

#[test]
fn a_work_tree_is_described_from_any_of_its_folders() {
    let repo = Repo::sampler();
    let first = repo.git(["rev-parse", "main"]);
    let second = repo.commit("main", SAMPLER);
    repo.commit("feature/x", SAMPLER);
    std::fs::create_dir_all(repo.path().join("sub/folder")).unwrap();
    let found = describe(&repo.path().join("sub/folder")).unwrap();
    assert_eq!(found.head.as_deref(), Some("refs/heads/main"));
    assert_eq!(found.commit.as_deref(), Some(second.as_str()));
    assert_eq!(found.parent.as_deref(), Some(first.as_str()));
    let names: Vec<_> = found
        .branches
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["feature/x", "main"]);
    assert_eq!(found.branches[1].1, second);
    assert_eq!(found.repository_name, "demo");
    assert_eq!(describe(&repo.path().join(".git")).unwrap(), found);
}

#[test]
fn a_detached_head_has_a_commit_and_no_name() {
    let repo = Repo::sampler();
    repo.git(["update-ref", "--no-deref", "HEAD", "main"]);
    repo.git(["checkout", "-q", "-f", "--detach"]);
    let found = describe(&repo.path()).unwrap();
    assert_eq!(found.head, None);
    assert_eq!(found.commit, Some(repo.git(["rev-parse", "main"])));
    assert_eq!(found.parent, None);
}

#[test]
fn a_repository_without_commits_has_a_branch_name_only() {
    let found = describe(&Repo::new().path()).unwrap();
    assert_eq!(found.head.as_deref(), Some("refs/heads/main"));
    assert_eq!((found.commit, found.branches), (None, Vec::new()));
}

#[test]
fn linked_work_trees_and_bare_clones_have_the_name_of_their_repository() {
    let repo = Repo::sampler();
    let beside = |name: &str| repo.dir.path().join(name);
    repo.git(["branch", "other"]);
    repo.git(["worktree", "add", "-q", "../linked", "other"]);
    let found = describe(&beside("linked")).unwrap();
    assert_eq!(found.repository_name, "demo");
    assert_eq!(found.head.as_deref(), Some("refs/heads/other"));
    repo.git(["clone", "-q", "--bare", ".", "../my bare.git"]);
    assert_eq!(
        describe(&beside("my bare.git")).unwrap().repository_name,
        "my-bare"
    );
}

#[test]
fn a_shallow_clone_does_not_name_the_parent_it_does_not_have() {
    let repo = Repo::sampler();
    let tip = repo.commit("main", SAMPLER);
    let url = format!("file://{}", repo.path().display());
    repo.git([
        "clone",
        "-q",
        "--no-checkout",
        "--depth",
        "1",
        &url,
        "../shallow",
    ]);
    let found = describe(&repo.dir.path().join("shallow")).unwrap();
    assert_eq!((found.commit, found.parent), (Some(tip), None));
}

#[test]
fn a_revision_may_be_anything_that_git_takes() {
    let repo = Repo::sampler();
    let first = repo.git(["rev-parse", "main"]);
    let second = repo.commit("main", SAMPLER);
    repo.git(["tag", "-a", "-m", "x", "v1", &first]);
    let short = &second[..8];
    for (asked, commit, parent) in [
        ("main", &second, Some(&first)),
        ("HEAD~1", &first, None),
        (short, &second, Some(&first)),
        ("v1", &first, None),
    ] {
        let found = revision(&repo.path(), asked).unwrap();
        assert_eq!(
            (&found.commit, found.parent.as_ref()),
            (commit, parent),
            "{asked}"
        );
    }
    let error = revision(&repo.path(), "none").unwrap_err();
    assert!(
        error.to_string().starts_with("none leads to no commit of "),
        "{error}"
    );
}

#[test]
fn a_count_is_that_of_git_ls_tree() {
    let repo = Repo::sampler();
    // The same folder three times over, at two depths.
    repo.commit(
        "main",
        &[
            SAMPLER,
            &[
                ("100644", b"x", b"v/same/in/x"),
                ("100644", b"x", b"w/same/in/x"),
                ("100644", b"x", b"same/in/x"),
            ],
        ]
        .concat(),
    );
    let commit = repo.git(["rev-parse", "main"]);
    let listing = repo.git(["ls-tree", "-r", "-t", &commit]);
    let modes = |mode: &str| {
        listing
            .lines()
            .filter(|line| line.starts_with(mode))
            .count()
    };
    let count = count_tree(&repo.path(), &commit).unwrap();
    let expected = TreeCount {
        files: modes("100"),
        links: modes("120"),
        folders: modes("040"),
        submodules: modes("160"),
    };
    assert_eq!(count, expected);
}

#[test]
fn a_folder_name_becomes_a_name_that_codecommit_takes() {
    for (folder, name) in [
        ("demo", "demo"),
        ("demo.git", "demo"),
        ("demo.git.git", "demo"),
        ("my repo (1)", "my-repo--1-"),
        ("gr\u{fc}\u{df}e", "gr--e"),
        (".git", "repository"),
        ("..", "repository"),
        ("", "repository"),
    ] {
        assert_eq!(sanitised(folder), name);
    }
    assert_eq!(sanitised(&"x".repeat(200)).len(), 100);
}
