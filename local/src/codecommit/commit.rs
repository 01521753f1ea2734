//! GetCommit: what a commit says about itself.

use gix::bstr::ByteSlice as _;
use serde_json::{Value, json};

use super::source::unreadable;
use super::{object_id, required};
use crate::error::ServiceError;

/// Takes full commit ids only: neither names nor ids of annotated tags.
pub(super) fn get(git: &gix::Repository, input: &Value) -> Result<Value, ServiceError> {
    let id = required(input, "commitId", "CommitIdRequiredException")?;
    let id = object_id(id, "InvalidCommitIdException")?;
    let object = git.try_find_object(id).map_err(unreadable)?;
    let commit = object
        .and_then(|object| object.try_into_commit().ok())
        .ok_or_else(|| {
            ServiceError::new(
                "CommitIdDoesNotExistException",
                format!("there is no commit {id}"),
            )
        })?;
    let commit = commit.decode().map_err(unreadable)?;
    let parents: Vec<_> = commit.parents().map(|parent| parent.to_string()).collect();
    Ok(json!({"commit": {
        "commitId": id.to_string(),
        "treeId": commit.tree().to_string(),
        "parents": parents,
        "message": commit.message.to_str_lossy(),
        "author": person(commit.author().map_err(unreadable)?),
        "committer": person(commit.committer().map_err(unreadable)?),
        "additionalData": "",
    }}))
}

/// A person and a date as Git wrote them: seconds since 1970 and the offset of the time zone.
fn person(signature: gix::actor::SignatureRef<'_>) -> Value {
    json!({
        "name": signature.name.trim().to_str_lossy(),
        "email": signature.email.trim().to_str_lossy(),
        "date": signature.time.trim(),
    })
}
