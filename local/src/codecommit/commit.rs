//! GetCommit: what a commit says about itself.

use gix::bstr::ByteSlice as _;
use serde_json::{Value, json};

use super::source::unreadable;
use super::{Call, input};
use crate::error::ServiceError;

/// GetCommit. Takes full commit ids only: neither names nor ids of annotated tags.
pub(super) fn get(call: &Call<'_>) -> Result<Value, ServiceError> {
    let id = call
        .input
        .required("commitId", "CommitIdRequiredException")?;
    let id = input::object_id(id, "InvalidCommitIdException")?;
    let object = call.git.try_find_object(id).map_err(unreadable)?;
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
        "author": person(commit.author().ok()),
        "committer": person(commit.committer().ok()),
        "additionalData": "",
    }}))
}

/// A person and a date as Git wrote them: seconds since 1970 and the offset of the time zone.
/// Commits by broken tools have lines that cannot be read; they are left empty.
fn person(signature: Option<gix::actor::SignatureRef<'_>>) -> Value {
    let Some(signature) = signature else {
        return json!({"name": "", "email": "", "date": ""});
    };
    json!({
        "name": signature.name.trim().to_str_lossy(),
        "email": signature.email.trim().to_str_lossy(),
        "date": signature.time.trim(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::codecommit::fixture::{Repo, git};

    #[tokio::test]
    async fn a_commit_says_what_git_cat_file_shows() {
        let repo = Repo::sampler();
        let first = repo.git(["rev-parse", "main"]);
        let second = repo.commit("main", &[("100644", b"x", b"x")]);
        let answer = repo
            .ask("GetCommit", json!({"commitId": second}))
            .await
            .unwrap();
        let expected = json!({"commit": {
            "commitId": second,
            "treeId": repo.git(["rev-parse", "main^{tree}"]),
            "parents": [first],
            "message": "a message\n",
            "author": {"name": "Mary Major", "email": "mary@example.com", "date": "1484167798 -0800"},
            "committer": {"name": "Li Juan", "email": "li@example.com", "date": "1484167799 +0530"},
            "additionalData": "",
        }});
        assert_eq!(answer, expected);
        let root = repo
            .ask("GetCommit", json!({"commitId": first}))
            .await
            .unwrap();
        assert_eq!(root["commit"]["parents"], json!([]));
    }

    #[tokio::test]
    async fn a_merge_names_its_parents_in_order() {
        let repo = Repo::sampler();
        let [a, b] = ["a", "b"].map(|branch| repo.commit(branch, &[("100644", b"x", b"x")]));
        let merge = repo.git([
            "commit-tree",
            "-m",
            "m",
            "-p",
            "main",
            "-p",
            &b,
            "-p",
            &a,
            "main^{tree}",
        ]);
        let answer = repo
            .ask("GetCommit", json!({"commitId": merge}))
            .await
            .unwrap();
        // Both branches have the same commit: same content, same time.
        assert_eq!(
            answer["commit"]["parents"][0],
            repo.git(["rev-parse", "main"])
        );
        assert_eq!(answer["commit"]["parents"][1], b);
    }

    #[tokio::test]
    async fn a_commit_by_a_broken_tool_is_shown_as_far_as_it_can_be_read() {
        let repo = Repo::sampler();
        let tree = repo.git(["rev-parse", "main^{tree}"]);
        let raw = format!(
            "tree {tree}\nauthor nobody\ncommitter A U Thor <a@example.com> 12 +0000\n\nl\u{e9}"
        );
        let id = git(
            &repo.path(),
            [
                "hash-object",
                "-t",
                "commit",
                "-w",
                "--stdin",
                "--literally",
            ],
            raw.as_bytes(),
        );
        let id = String::from_utf8(id).unwrap().trim().to_owned();
        let answer = repo
            .ask("GetCommit", json!({"commitId": id}))
            .await
            .unwrap();
        assert_eq!(answer["commit"]["treeId"], tree);
        assert_eq!(answer["commit"]["message"], "l\u{e9}");
        assert_eq!(answer["commit"]["committer"]["date"], "12 +0000");
    }

    #[tokio::test]
    async fn a_wrong_commit_is_refused_by_the_documented_names() {
        let repo = Repo::sampler();
        repo.git(["tag", "-a", "-m", "x", "v1"]);
        for (id, exception) in [
            (Value::Null, "CommitIdRequiredException"),
            (json!("main"), "InvalidCommitIdException"),
            (
                json!(repo.git(["rev-parse", "--short", "main"])),
                "InvalidCommitIdException",
            ),
            (json!("1".repeat(40)), "CommitIdDoesNotExistException"),
            (
                json!(repo.git(["rev-parse", "main^{tree}"])),
                "CommitIdDoesNotExistException",
            ),
            (
                json!(repo.git(["rev-parse", "v1"])),
                "CommitIdDoesNotExistException",
            ),
        ] {
            assert_eq!(
                repo.refused("GetCommit", json!({"commitId": id})).await,
                exception
            );
        }
    }
}
