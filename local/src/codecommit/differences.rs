//! GetDifferences: what changed between two commits.
//!
//! The same entries as `git diff-tree -r --no-renames`, in its order. Renames are a deletion and an
//! addition: the API knows no other change types than A, M and D.
//!
//! Only the first page is served, and no part of the tree.

use gix::bstr::{BStr, ByteSlice as _};
use gix::diff::tree::Recorder;
use gix::diff::tree::recorder::Change;
use gix::objs::TreeRefIter;
use gix::objs::tree::EntryMode;
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
    let mut found: Vec<Change> = recorder.records;
    found.retain(|change| !mode_of(change).is_tree());
    // Git's order of whole paths is that of their bytes.
    found.sort_by(|a, b| path_of(a).cmp(path_of(b)));
    let page: Vec<Value> = found.iter().take(PAGE).map(described).collect();
    let mut answer = json!({"differences": page});
    if found.len() > PAGE {
        answer["NextToken"] = json!("the-local-codecommit-has-no-second-page");
    }
    Ok(answer)
}

fn mode_of(change: &Change) -> EntryMode {
    match change {
        Change::Addition { entry_mode, .. }
        | Change::Deletion { entry_mode, .. }
        | Change::Modification { entry_mode, .. } => *entry_mode,
    }
}

fn path_of(change: &Change) -> &BStr {
    match change {
        Change::Addition { path, .. }
        | Change::Deletion { path, .. }
        | Change::Modification { path, .. } => path.as_bstr(),
    }
}

fn described(change: &Change) -> Value {
    let path = path_of(change).to_str_lossy();
    let blob = |mode: &EntryMode, id: &gix::ObjectId| {
        let mode = format!("{:o}", mode.kind() as u16);
        json!({"blobId": id.to_string(), "path": path, "mode": mode})
    };
    match change {
        Change::Addition {
            entry_mode, oid, ..
        } => json!({"afterBlob": blob(entry_mode, oid), "changeType": "A"}),
        Change::Deletion {
            entry_mode, oid, ..
        } => json!({"beforeBlob": blob(entry_mode, oid), "changeType": "D"}),
        Change::Modification {
            previous_entry_mode,
            previous_oid,
            entry_mode,
            oid,
            ..
        } => json!({
            "beforeBlob": blob(previous_entry_mode, previous_oid),
            "afterBlob": blob(entry_mode, oid),
            "changeType": "M",
        }),
    }
}
