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

use super::source::unreadable;
use super::specifier;
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
        let commit = specifier::commit(git, input, member)?;
        let commit = git.find_commit(commit).map_err(unreadable)?;
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::codecommit::fixture::{New, Repo, SAMPLER, git};

    /// The differences as `git diff-tree -r` writes them.
    async fn differences(repo: &Repo, before: &str, after: &str) -> Vec<String> {
        let input = json!({"beforeCommitSpecifier": before, "afterCommitSpecifier": after});
        let answer = repo.call("GetDifferences", input).await.unwrap();
        let line = |one: &Value| {
            let side = |name: &str| {
                let (mode, id) = (&one[name]["mode"], &one[name]["blobId"]);
                let none = "0000000000000000000000000000000000000000";
                let mode = mode.as_str().unwrap_or("000000").to_owned();
                (mode, id.as_str().unwrap_or(none).to_owned())
            };
            let (before, after) = (side("beforeBlob"), side("afterBlob"));
            let path = one["afterBlob"]["path"].as_str();
            let path = path.or(one["beforeBlob"]["path"].as_str()).unwrap();
            let change = one["changeType"].as_str().unwrap();
            format!(
                ":{} {} {} {} {change}|{path}",
                before.0, after.0, before.1, after.1
            )
        };
        let list = answer["differences"].as_array().unwrap();
        list.iter().map(line).collect()
    }

    /// The same by git. A change of type (T) is a modification for CodeCommit.
    fn diff_tree(repo: &Repo, before: &str, after: &str) -> Vec<String> {
        let command = ["diff-tree", "-r", "--no-renames", "-z", before, after];
        let out = git(&repo.path(), command, b"");
        let mut parts = out.split(|byte| *byte == 0).map(String::from_utf8_lossy);
        let mut lines = Vec::new();
        while let (Some(head), Some(path)) = (parts.next(), parts.next()) {
            let head = match head.strip_suffix('T') {
                Some(head) => format!("{head}M"),
                None => head.into_owned(),
            };
            lines.push(format!("{head}|{path}"));
        }
        lines
    }

    /// The sampler after a push that does everything at once.
    fn changed() -> Vec<New<'static>> {
        let gone: [&[u8]; 4] = [b"empty", b"order/in", b"bin/dangling", b"link"];
        let mut entries: Vec<New<'_>> = SAMPLER
            .iter()
            .filter(|(_, _, path)| !gone.contains(path))
            .map(|&(mode, content, path)| match path {
                b"README.md" => (mode, b"# changed\n".as_slice(), path),
                b"bin/run" => ("100644", content, path),
                b"module" => (mode, [b'1'; 40].as_slice(), path),
                b"vendor/module" => ("120000", b"elsewhere".as_slice(), path),
                _ => (mode, content, path),
            })
            .collect();
        entries.extend_from_slice(&[
            ("100644", b"a file now", b"order"),
            ("100644", b"in a folder now", b"link/in"),
            ("100644", b"moved", b"empty.moved/empty"),
            ("100755", b"new", b"deep/1/2/new"),
        ]);
        entries
    }

    #[tokio::test]
    async fn they_are_those_of_git_diff_tree_in_either_direction() {
        let repo = Repo::sampler();
        let old = repo.git(["rev-parse", "main"]);
        let new = repo.commit("main", &changed());
        let empty = repo.commit("main", &[]);
        for (before, after) in [(&old, &new), (&new, &old), (&new, &new), (&empty, &old)] {
            assert_eq!(
                differences(&repo, before, after).await,
                diff_tree(&repo, before, after)
            );
        }
    }

    #[tokio::test]
    async fn past_a_hundred_there_is_a_next_page_which_is_refused() {
        let repo = Repo::sampler();
        let old = repo.git(["rev-parse", "main"]);
        let names: Vec<_> = (0..150).map(|i| format!("f{i}")).collect();
        let entries = names
            .iter()
            .map(|n| ("100644", b"".as_slice(), n.as_bytes()));
        let new = repo.commit("main", &entries.collect::<Vec<_>>());
        let mut input = json!({"beforeCommitSpecifier": old, "afterCommitSpecifier": new});
        let answer = repo.call("GetDifferences", input.clone()).await.unwrap();
        assert_eq!(answer["differences"].as_array().unwrap().len(), 100);
        input["NextToken"] = answer["NextToken"].clone();
        assert_eq!(
            repo.refused("GetDifferences", input).await,
            "NotServedLocally"
        );
    }

    #[tokio::test]
    async fn a_commit_that_is_not_there_does_not_exist() {
        let repo = Repo::sampler();
        let here = repo.git(["rev-parse", "main"]);
        for (before, after) in [("1".repeat(40), here.clone()), (here, "1".repeat(40))] {
            let input = json!({"beforeCommitSpecifier": before, "afterCommitSpecifier": after});
            let refused = repo.refused("GetDifferences", input).await;
            assert_eq!(refused, "CommitDoesNotExistException");
        }
    }

    #[tokio::test]
    async fn folders_two_thousand_deep_are_walked_without_running_out_of_stack() {
        let repo = Repo::new();
        let empty = repo.commit("main", &[]);
        let path = format!("{}leaf", "d/".repeat(2000));
        let deep = repo.commit("main", &[("100644", b"x", path.as_bytes())]);
        let found = differences(&repo, &empty, &deep).await;
        assert!(found.len() == 1 && found[0].ends_with(&path));
    }
}
