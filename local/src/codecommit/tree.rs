//! GetFolder, and from a path to an entry of a commit's tree.
//!
//! Paths in calls are UTF-8 text with `/` between folders; a leading one is allowed, as in
//! "/examples is a fully-qualified path" (API_GetFolder). Names in Git are bytes: one that is not
//! UTF-8 cannot be asked for, and in an answer has U+FFFD for what JSON cannot carry.

use gix::ObjectId;
use gix::bstr::ByteSlice as _;
use gix::objs::tree::EntryKind;
use serde_json::{Value, json};

use super::commit;
use super::source::unreadable;
use crate::error::{ServiceError, refusal};

/// GetFolder: all entries of a folder in one answer, however many.
///
/// Guesses: `folderPath` comes back without slashes at its ends, and `absolutePath` is the entry's
/// own full path for links and submodules too (their documentation says "to the folder that
/// contains").
pub(super) fn get_folder(git: &gix::Repository, input: &Value) -> Result<Value, ServiceError> {
    let path = path(input, "folderPath")?;
    let commit = commit::of_member(git, input, "commitSpecifier")?;
    let Some((EntryKind::Tree, id)) = find(&commit, &path)? else {
        return Err(refusal!(
            "FolderDoesNotExistException",
            "there is no folder {path} in {}",
            commit.id
        ));
    };
    let folder = git.find_tree(id).map_err(unreadable)?;

    let [mut files, mut links, mut folders, mut submodules] = [const { Vec::new() }; 4];
    for entry in folder.iter() {
        let entry = entry.map_err(unreadable)?;
        let relative = entry.filename().to_str_lossy();
        let absolute = match path.as_str() {
            "" => relative.to_string(),
            folder => format!("{folder}/{relative}"),
        };
        let mut described = json!({"absolutePath": absolute, "relativePath": relative});
        let (list, id, mode) = match entry.kind() {
            EntryKind::Blob => (&mut files, "blobId", Some("NORMAL")),
            EntryKind::BlobExecutable => (&mut files, "blobId", Some("EXECUTABLE")),
            EntryKind::Link => (&mut links, "blobId", Some("SYMLINK")),
            EntryKind::Tree => (&mut folders, "treeId", None),
            EntryKind::Commit => (&mut submodules, "commitId", None),
        };
        described[id] = json!(entry.oid().to_string());
        if let Some(mode) = mode {
            described["fileMode"] = json!(mode);
        }
        list.push(described);
    }
    Ok(json!({
        "commitId": commit.id.to_string(),
        "folderPath": path,
        "treeId": id.to_string(),
        "subFolders": folders,
        "files": files,
        "symbolicLinks": links,
        "subModules": submodules,
    }))
}

/// A member that is a path, without slashes at its ends: the root's is empty. At most 4,096
/// characters (<https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html>).
pub(super) fn path(input: &Value, member: &str) -> Result<String, ServiceError> {
    let path = input[member]
        .as_str()
        .ok_or_else(|| refusal!("PathRequiredException", "{member} cannot be null"))?;
    let inner = path.strip_prefix('/').unwrap_or(path);
    let inner = inner.strip_suffix('/').unwrap_or(inner);
    let wrong = |part: &str| matches!(part, "" | "." | "..") || part.contains('\0');
    if path.chars().count() > 4096 || (!inner.is_empty() && inner.split('/').any(wrong)) {
        return Err(refusal!(
            "InvalidPathException",
            "{path:?} is not a valid path"
        ));
    }
    Ok(inner.to_owned())
}

/// What is at a path of a commit. The kind is one of the five that Git knows today: the mode
/// 100664 of old repositories counts as 100644, in CodeCommit's answers as in Git's own.
pub(super) fn find(
    commit: &gix::Commit<'_>,
    path: &str,
) -> Result<Option<(EntryKind, ObjectId)>, ServiceError> {
    let root = commit.tree().map_err(unreadable)?;
    if path.is_empty() {
        return Ok(Some((EntryKind::Tree, root.id)));
    }
    let entry = root.lookup_entry(path.split('/')).map_err(unreadable)?;
    Ok(entry.map(|entry| (entry.mode().kind(), entry.object_id())))
}
