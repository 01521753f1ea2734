//! GetCommit, and what a commit specifier stands for.

use gix::ObjectId;
use gix::bstr::ByteSlice as _;
use gix::refs::FullName;
use serde_json::{Value, json};

use super::source::unreadable;
use super::{object_id, required};
use crate::error::{ServiceError, refusal};

/// GetCommit. Takes full commit ids only: neither names nor ids of annotated tags. Author and
/// committer, which AWS answers too, are left out: nothing reads them.
pub(super) fn get(git: &gix::Repository, input: &Value) -> Result<Value, ServiceError> {
    let id = required(input, "commitId", "CommitIdRequiredException")?;
    let id = object_id(id, "InvalidCommitIdException")?;
    let object = git.try_find_object(id).map_err(unreadable)?;
    let commit = object.and_then(|object| object.try_into_commit().ok());
    let commit = commit
        .ok_or_else(|| refusal!("CommitIdDoesNotExistException", "there is no commit {id}"))?;
    let commit = commit.decode().map_err(unreadable)?;
    let parents: Vec<_> = commit.parents().map(|parent| parent.to_string()).collect();
    Ok(json!({"commit": {
        "commitId": id.to_string(),
        "treeId": commit.tree().to_string(),
        "parents": parents,
        "message": commit.message.to_str_lossy(),
    }}))
}

/// The commit that a member means: a full commit id or a reference's full name.
///
/// AWS also takes the short name of a branch or tag, `HEAD`, and nothing for the default branch.
/// Guess: the id of an annotated tag leads to its commit, as the tag's name does.
pub(super) fn of_member<'git>(
    git: &'git gix::Repository,
    input: &Value,
    member: &str,
) -> Result<gix::Commit<'git>, ServiceError> {
    let specifier = input[member].as_str().unwrap_or_default();
    let found = if let Ok(id) = ObjectId::from_hex(specifier.as_bytes()) {
        Some(id)
    } else if specifier.starts_with("refs/") {
        reference(git, specifier)?
    } else {
        return Err(ServiceError::not_served(format!(
            "{member} {specifier:?}: only full commit ids and full reference names"
        )));
    };
    let found = found.map_or(Ok(None), |id| git.try_find_object(id));
    let object = found.map_err(unreadable)?;
    let commit = object.and_then(|object| object.peel_to_commit().ok());
    commit.ok_or_else(|| {
        refusal!(
            "CommitDoesNotExistException",
            "{specifier} leads to no commit"
        )
    })
}

/// The object that a reference points to; `None` if the reference does not exist.
fn reference(git: &gix::Repository, name: &str) -> Result<Option<ObjectId>, ServiceError> {
    let name = FullName::try_from(name).map_err(|_| {
        refusal!(
            "InvalidCommitException",
            "{name:?} cannot be the name of a reference"
        )
    })?;
    let found = git.try_find_reference(name.as_ref()).map_err(unreadable)?;
    // gix also looks for refs/tags/refs/heads/… and the like; CodeCommit is not known to.
    let found = found.filter(|found| found.name() == name.as_ref());
    // A symbolic reference may name one that does not exist.
    Ok(found.and_then(|mut found| found.follow_to_object().ok().map(gix::Id::detach)))
}
