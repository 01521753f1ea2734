//! GetCommit: what a commit says about itself.

use gix::bstr::ByteSlice as _;
use serde_json::{Value, json};

use super::unreadable::unreadable;
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
        let [a, b] = ["a", "b"].map(|name| repo.commit(name, &[("100644", b"", name.as_bytes())]));
        let command = [
            "commit-tree",
            "-m",
            "m",
            "-p",
            &b,
            "-p",
            "main",
            "-p",
            &a,
            "main^{tree}",
        ];
        let merge = repo.git(command);
        let answer = repo
            .ask("GetCommit", json!({"commitId": merge}))
            .await
            .unwrap();
        let main = repo.git(["rev-parse", "main"]);
        assert_eq!(answer["commit"]["parents"], json!([b, main, a]));
    }

    #[tokio::test]
    async fn a_commit_of_an_odd_tool_is_shown_as_it_is() {
        let repo = Repo::sampler();
        let tree = repo.git(["rev-parse", "main^{tree}"]);
        let raw = [
            format!("tree {tree}\nauthor  <> 12 +051800\ncommitter R\u{e9} <").as_bytes(),
            b"caf\xe9@example.com> 13 +0000\nencoding latin1\n\nno newline, \xe9",
        ]
        .concat();
        let store = [
            "hash-object",
            "-t",
            "commit",
            "-w",
            "--stdin",
            "--literally",
        ];
        let id = git(&repo.path(), store, &raw);
        let id = String::from_utf8(id).unwrap().trim().to_owned();
        let answer = repo
            .ask("GetCommit", json!({"commitId": id}))
            .await
            .unwrap();
        let commit = &answer["commit"];
        assert_eq!(commit["treeId"], tree);
        assert_eq!(commit["message"], "no newline, \u{fffd}");
        assert_eq!(
            commit["author"],
            json!({"name": "", "email": "", "date": "12 +051800"})
        );
        assert_eq!(commit["committer"]["email"], "caf\u{fffd}@example.com");
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
