//! What a command line wants to know about a repository before it pushes from it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use gix::bstr::ByteSlice as _;

use super::{is_name_character, source};

/// A repository as it is now.
#[derive(Clone, Debug)]
pub struct Description {
    /// Full name of the current branch, for instance `refs/heads/feature/x`; `None` if HEAD is
    /// detached.
    pub head: Option<String>,
    /// The commit that each branch is at, by the branch's short name.
    pub branches: BTreeMap<String, String>,
    /// The name that CodeCommit would have this repository under: its folder's, with what is not
    /// allowed in such names replaced by `-`.
    pub repository_name: String,
}

/// Describes the Git repository that `path` is or lies in.
pub fn describe(path: &Path) -> anyhow::Result<Description> {
    let git = open(path)?;
    let head = git.head_name()?;
    let mut branches = BTreeMap::new();
    for branch in git.references()?.local_branches()? {
        let mut branch = branch?;
        // A branch whose commit is not there cannot be pushed.
        if let Ok(commit) = branch.peel_to_commit() {
            let commit = commit.id.to_string();
            branches.insert(branch.name().shorten().to_str_lossy().into_owned(), commit);
        }
    }
    Ok(Description {
        head: head.map(|name| name.as_bstr().to_string()),
        branches,
        repository_name: repository_name(&git),
    })
}

/// The commit that `revision` means to Git, which takes short ids, `HEAD~2` and the like, and its
/// first parent, if the repository holds one.
pub fn revision(path: &Path, revision: &str) -> anyhow::Result<(String, Option<String>)> {
    let git = open(path)?;
    let commit = git
        .rev_parse_single(revision)
        .and_then(|id| id.object()?.peel_to_commit())
        .with_context(|| format!("{revision} leads to no commit of {}", path.display()))?;
    let parent = commit.parent_ids().next().map(gix::Id::detach);
    let parent = parent.filter(|parent| git.has_object(*parent));
    let parent = parent.map(|parent| parent.to_string());
    Ok((commit.id.to_string(), parent))
}

fn open(path: &Path) -> anyhow::Result<gix::Repository> {
    Ok(source::handle(&source::open(path)?))
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

/// A name that CodeCommit takes, made of a folder's.
fn sanitised(folder: &str) -> String {
    let replaced = |c: char| if is_name_character(c) { c } else { '-' };
    let name: String = folder.chars().map(replaced).take(100).collect();
    let name = name.trim_end_matches(".git");
    if name.trim_matches('.').is_empty() {
        return "repository".to_owned();
    }
    name.to_owned()
}
