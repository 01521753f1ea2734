//! GetFile and GetBlob: the bytes of one file or link.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::EntryKind;
use serde_json::{Value, json};

use super::source::unreadable;
use super::{commit, object_id, required, tree};
use crate::error::{ServiceError, refusal};

/// Bytes of the largest file that the API returns: GetFile's `fileContent` has this maximum in the
/// service's model. Guess: GetBlob, which has FileTooLargeException but no figure, has the same.
const LARGEST_FILE: u64 = 6_291_456;

/// GetFile. No document says what AWS answers for a link.
pub(super) fn get_file(git: &gix::Repository, input: &Value) -> Result<Value, ServiceError> {
    let path = tree::path(input, "filePath")?;
    let commit = commit::of_member(git, input, "commitSpecifier")?;
    let missing = || {
        let commit = commit.id;
        refusal!(
            "FileDoesNotExistException",
            "there is no file {path} in {commit}"
        )
    };
    let (kind, id) = tree::find(&commit, &path)?.ok_or_else(missing)?;
    let mode = match kind {
        EntryKind::Blob => "NORMAL",
        EntryKind::BlobExecutable => "EXECUTABLE",
        EntryKind::Link => return Err(ServiceError::not_served("GetFile of a link")),
        EntryKind::Tree | EntryKind::Commit => return Err(missing()),
    };
    let content = content(git, id)?
        .ok_or_else(|| ServiceError::internal(format!("the repository lacks blob {id}")))?;
    Ok(json!({
        "commitId": commit.id.to_string(),
        "blobId": id.to_string(),
        "filePath": path,
        "fileMode": mode,
        "fileSize": content.len(),
        "fileContent": BASE64_STANDARD.encode(content),
    }))
}

/// GetBlob. Any blob of the repository, reachable or not.
pub(super) fn get_blob(git: &gix::Repository, input: &Value) -> Result<Value, ServiceError> {
    let id = required(input, "blobId", "BlobIdRequiredException")?;
    let id = object_id(id, "InvalidBlobIdException")?;
    let content = content(git, id)?
        .ok_or_else(|| refusal!("BlobIdDoesNotExistException", "there is no blob {id}"))?;
    Ok(json!({"content": BASE64_STANDARD.encode(content)}))
}

/// A blob's bytes, or `None` where there is no such blob.
fn content(git: &gix::Repository, id: ObjectId) -> Result<Option<Vec<u8>>, ServiceError> {
    // Its size is looked at first, since a blob may be too large for memory.
    let header = git.try_find_header(id).map_err(unreadable)?;
    let Some(header) = header.filter(|header| header.kind() == Kind::Blob) else {
        return Ok(None);
    };
    if header.size() > LARGEST_FILE {
        return Err(refusal!(
            "FileTooLargeException",
            "{} bytes exceed the limit of {LARGEST_FILE}",
            header.size()
        ));
    }
    let mut blob = git.find_blob(id).map_err(unreadable)?;
    Ok(Some(std::mem::take(&mut blob.data)))
}
