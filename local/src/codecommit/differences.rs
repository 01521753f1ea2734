//! GetDifferences: what changed between two commits.
//!
//! The same entries as `git diff-tree -r --no-renames`, in its order. Renames are a deletion and an
//! addition: the API knows no other change types than A, M and D.
//!
//! Only the first page is served, and no part of the tree.

use gix::bstr::{BString, ByteSlice as _};
use gix::diff::tree::Recorder;
use gix::diff::tree::recorder::Change;
use gix::objs::TreeRefIter;
use serde_json::{Value, json};

use super::commit;
use super::source::unreadable;
use crate::error::ServiceError;

/// Differences in the first page. A guess: neither a default nor a maximum is documented.
const PAGE: usize = 100;

pub(super) fn get(git: &gix::Repository, input: &Value) -> Result<Value, ServiceError> {
    for member in ["beforePath", "afterPath", "MaxResults", "NextToken"] {
        if !input[member].is_null() {
            return Err(ServiceError::not_served(member));
        }
    }
    let tree = |member: &str| {
        let commit = commit::of_member(git, input, member)?;
        commit.tree().map_err(unreadable)
    };
    let before = tree("beforeCommitSpecifier")?;
    let after = tree("afterCommitSpecifier")?;
    let mut recorder = Recorder::default();
    gix::diff::tree(
        TreeRefIter::from_bytes(&before.data, git.object_hash()),
        TreeRefIter::from_bytes(&after.data, git.object_hash()),
        gix::diff::tree::State::default(),
        &git.objects,
        &mut recorder,
    )
    .map_err(unreadable)?;
    let found = recorder.records.into_iter().filter_map(described);
    let mut found: Vec<(BString, Value)> = found.collect();
    // Git's order of whole paths is that of their bytes.
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    let page = found.iter().take(PAGE).map(|(_, described)| described);
    let mut answer = json!({"differences": page.collect::<Vec<_>>()});
    if found.len() > PAGE {
        answer["NextToken"] = json!("the-local-codecommit-has-no-second-page");
    }
    Ok(answer)
}

/// A change and its path; `None` for a folder's.
fn described(change: Change) -> Option<(BString, Value)> {
    let (kind, before, after, path) = match change {
        Change::Addition {
            entry_mode,
            oid,
            path,
            ..
        } => ("A", None, Some((entry_mode, oid)), path),
        Change::Deletion {
            entry_mode,
            oid,
            path,
            ..
        } => ("D", Some((entry_mode, oid)), None, path),
        Change::Modification {
            previous_entry_mode,
            previous_oid,
            entry_mode,
            oid,
            path,
        } => (
            "M",
            Some((previous_entry_mode, previous_oid)),
            Some((entry_mode, oid)),
            path,
        ),
    };
    let mut described = json!({"changeType": kind});
    for (member, blob) in [("beforeBlob", before), ("afterBlob", after)] {
        if let Some((mode, id)) = blob {
            let octal = format!("{:o}", mode.kind() as u16);
            described[member] =
                json!({"blobId": id.to_string(), "path": path.to_str_lossy(), "mode": octal});
        }
    }
    let (mode, _) = after.or(before)?;
    (!mode.is_tree()).then_some((path, described))
}
