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
mod tests;
