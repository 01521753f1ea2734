//! From a commit specifier to a commit.
//!
//! AWS also takes the short name of a branch or tag, `HEAD`, and nothing for the default branch.
//! Guess: the id of an annotated tag leads to its commit, as the tag's name does.

use gix::ObjectId;
use gix::objs::Kind;
use gix::refs::FullName;
use serde_json::Value;

use super::source::unreadable;
use crate::error::ServiceError;

/// The commit that a member means: a full commit id or a reference's full name.
pub(super) fn commit(
    git: &gix::Repository,
    input: &Value,
    member: &str,
) -> Result<ObjectId, ServiceError> {
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
    let commit = found.map_or(Ok(None), |id| peel(git, id))?;
    commit.ok_or_else(|| {
        let message = format!("{specifier} leads to no commit");
        ServiceError::new("CommitDoesNotExistException", message)
    })
}

/// The object that a reference points to, or `None` where there is no such reference.
fn reference(git: &gix::Repository, name: &str) -> Result<Option<ObjectId>, ServiceError> {
    let name = FullName::try_from(name).map_err(|_| {
        let message = format!("{name:?} cannot be the name of a reference");
        ServiceError::new("InvalidCommitException", message)
    })?;
    let found = git.try_find_reference(name.as_ref()).map_err(unreadable)?;
    // gix also looks for refs/tags/refs/heads/… and the like; CodeCommit is not known to.
    let found = found.filter(|found| found.name() == name.as_ref());
    // A symbolic reference may name one that does not exist.
    Ok(found.and_then(|mut found| found.follow_to_object().ok().map(gix::Id::detach)))
}

/// The commit that `id` is or, through annotated tags, leads to.
fn peel(git: &gix::Repository, mut id: ObjectId) -> Result<Option<ObjectId>, ServiceError> {
    loop {
        let Some(header) = git.try_find_header(id).map_err(unreadable)? else {
            return Ok(None);
        };
        match header.kind() {
            Kind::Commit => return Ok(Some(id)),
            Kind::Tag => {
                let tag = git.find_tag(id).map_err(unreadable)?;
                id = tag.target_id().map_err(unreadable)?.detach();
            }
            Kind::Tree | Kind::Blob => return Ok(None),
        }
    }
}
