//! GetFolder: the entries of one folder of a commit, all of them in one answer.

use gix::bstr::ByteSlice as _;
use gix::objs::tree::EntryKind;
use serde_json::{Value, json};

use super::source::unreadable;
use super::specifier;
use super::tree::RepositoryPath;
use crate::error::ServiceError;

/// The answer has no pages, however large the folder. Guesses: `folderPath` comes back without
/// slashes at its ends, and `absolutePath` is the entry's own full path for links and submodules
/// too (their documentation says "to the folder that contains").
pub(super) fn get(git: &gix::Repository, input: &Value) -> Result<Value, ServiceError> {
    let path = RepositoryPath::of_member(input, "folderPath")?;
    let commit = specifier::commit(git, input, "commitSpecifier")?;
    let Some((EntryKind::Tree, id)) = path.find(git, commit)? else {
        let message = format!("there is no folder {} in {commit}", path.text());
        return Err(ServiceError::new("FolderDoesNotExistException", message));
    };
    let folder = git.find_tree(id).map_err(unreadable)?;

    let [mut files, mut links, mut folders, mut submodules] = [const { Vec::new() }; 4];
    for entry in folder.iter() {
        let entry = entry.map_err(unreadable)?;
        let id = entry.oid().to_string();
        let absolute = path.join(entry.filename());
        let relative = entry.filename().to_str_lossy();
        let file = |mode: &str| json!({"blobId": id, "absolutePath": absolute, "relativePath": relative, "fileMode": mode});
        match entry.kind() {
            EntryKind::Blob => files.push(file("NORMAL")),
            EntryKind::BlobExecutable => files.push(file("EXECUTABLE")),
            EntryKind::Link => links.push(file("SYMLINK")),
            EntryKind::Tree => folders
                .push(json!({"treeId": id, "absolutePath": absolute, "relativePath": relative})),
            EntryKind::Commit => submodules
                .push(json!({"commitId": id, "absolutePath": absolute, "relativePath": relative})),
        }
    }
    Ok(json!({
        "commitId": commit.to_string(),
        "folderPath": path.text(),
        "treeId": id.to_string(),
        "subFolders": folders,
        "files": files,
        "symbolicLinks": links,
        "subModules": submodules,
    }))
}
