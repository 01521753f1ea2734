//! What a command line wants to know about a repository before it pushes from it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use gix::ObjectId;
use gix::bstr::ByteSlice as _;
use gix::objs::tree::EntryKind;

use super::{source, tree};

/// A repository as it is now.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Description {
    /// The folder that holds its objects and references: `.git`, or the bare repository itself.
    pub git_dir: PathBuf,
    /// Full name of the current branch, for instance `refs/heads/feature/x`; `None` if HEAD is
    /// detached.
    pub head: Option<String>,
    /// The commit HEAD is at; `None` before the first one.
    pub commit: Option<String>,
    /// That commit's first parent: what a push of only it would replace. `None` if it has none or
    /// a shallow clone does not have it.
    pub parent: Option<String>,
    /// Each branch's short name and the commit it is at, by name.
    pub branches: Vec<(String, String)>,
    /// The name that CodeCommit would have this repository under: its folder's, with what is not
    /// allowed in such names replaced by `-`.
    pub repository_name: String,
}

/// A commit and what came before it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Revision {
    /// The full commit id.
    pub commit: String,
    /// Its first parent, if it has one and the repository holds it.
    pub parent: Option<String>,
}

/// How many entries of each kind a commit's tree has, folders within folders included and the
/// root not.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TreeCount {
    /// Files, executable or not.
    pub files: usize,
    /// Symbolic links.
    pub links: usize,
    /// Folders.
    pub folders: usize,
    /// Submodules.
    pub submodules: usize,
}

/// Describes the Git repository that `path` is or lies in.
///
/// # Errors
///
/// When there is none, or it cannot be read.
pub fn describe(path: &Path) -> anyhow::Result<Description> {
    let git = open(path)?;
    let head = git.head()?;
    let name = head.referent_name().map(|name| name.as_bstr().to_string());
    let commit = head.into_peeled_id().ok().map(gix::Id::detach);
    let mut branches = Vec::new();
    for branch in git.references()?.local_branches()? {
        let mut branch = branch?;
        // A branch whose commit is not there cannot be pushed.
        if let Ok(commit) = branch.peel_to_commit() {
            let commit = commit.id.to_string();
            branches.push((branch.name().shorten().to_str_lossy().into_owned(), commit));
        }
    }
    branches.sort();
    Ok(Description {
        git_dir: git.git_dir().to_owned(),
        head: name,
        parent: commit.and_then(|commit| parent(&git, commit)),
        commit: commit.map(|commit| commit.to_string()),
        branches,
        repository_name: repository_name(&git),
    })
}

/// The commit that `revision` means to Git, which takes short ids, `HEAD~2` and the like.
///
/// # Errors
///
/// When it leads to no commit, or there is no Git repository at `path`.
pub fn revision(path: &Path, revision: &str) -> anyhow::Result<Revision> {
    let git = open(path)?;
    let commit = git
        .rev_parse_single(revision)
        .and_then(|id| id.object()?.peel_to_commit())
        .with_context(|| format!("{revision} leads to no commit of {}", path.display()))?
        .id;
    Ok(Revision {
        commit: commit.to_string(),
        parent: parent(&git, commit),
    })
}

/// Counts the entries of a commit's tree.
///
/// # Errors
///
/// When `commit` is no full commit id of the repository, or its folders cannot be read.
pub fn count_tree(path: &Path, commit: &str) -> anyhow::Result<TreeCount> {
    let git = open(path)?;
    let commit = ObjectId::from_hex(commit.as_bytes())
        .map_err(|_| anyhow!("{commit:?} is no full commit id"))?;
    let root = tree::root(&git, commit)?;
    let mut count = TreeCount::default();
    let mut folders = vec![(root, 1)];
    // Folders of the same content are read once, which matters where dependencies are checked in.
    while !folders.is_empty() {
        let mut times: HashMap<ObjectId, usize> = HashMap::new();
        for (folder, seen) in std::mem::take(&mut folders) {
            *times.entry(folder).or_default() += seen;
        }
        for (folder, seen) in times {
            for entry in tree::entries(&git, folder)? {
                match entry.kind {
                    EntryKind::Blob | EntryKind::BlobExecutable => count.files += seen,
                    EntryKind::Link => count.links += seen,
                    EntryKind::Commit => count.submodules += seen,
                    EntryKind::Tree => {
                        count.folders += seen;
                        folders.push((entry.id, seen));
                    }
                }
            }
        }
    }
    Ok(count)
}

fn open(path: &Path) -> anyhow::Result<gix::Repository> {
    Ok(source::handle(&source::open(path)?))
}

fn parent(git: &gix::Repository, commit: ObjectId) -> Option<String> {
    let commit = git.find_commit(commit).ok()?;
    let parent = commit.parent_ids().next()?;
    git.has_object(parent).then(|| parent.to_string())
}

/// The name of the folder that a person knows the repository by.
fn repository_name(git: &gix::Repository) -> String {
    // A linked work tree has a name of its own; the repository's is that of the main one.
    let linked = git.git_dir() != git.common_dir();
    let folder = git
        .workdir()
        .filter(|_| !linked)
        .unwrap_or_else(|| git.common_dir());
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let folder = if folder.ends_with(".git") {
        folder.parent().unwrap_or(&folder)
    } else {
        &folder
    };
    sanitised(&folder.file_name().unwrap_or_default().to_string_lossy())
}

/// A name that CodeCommit takes, made of a folder's: see the rule in `input`.
fn sanitised(folder: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let name: String = folder
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .take(100)
        .collect();
    let mut name = name.as_str();
    while let Some(shorter) = name.strip_suffix(".git") {
        name = shorter;
    }
    match name.trim_matches('.') {
        "" => "repository".to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
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
}
