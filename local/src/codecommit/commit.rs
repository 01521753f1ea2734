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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::codecommit::fixture::Repo;

    #[tokio::test]
    async fn a_commit_says_what_git_cat_file_shows() {
        let repo = Repo::sampler();
        let first = repo.git(["rev-parse", "main"]);
        let second = repo.commit("main", &[("100644", b"x", b"x")]);
        let answer = repo
            .call("GetCommit", json!({"commitId": second}))
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
