//! GetBranch and ListBranches.

use gix::bstr::ByteSlice as _;
use gix::refs::FullName;
use serde_json::{Value, json};

use super::unreadable::unreadable;
use super::{Call, page, specifier};
use crate::error::ServiceError;

/// GetBranch. The name is the short one, slashes and all.
pub(super) fn get(call: &Call<'_>) -> Result<Value, ServiceError> {
    let name = call
        .input
        .required("branchName", "BranchNameRequiredException")?;
    let full = FullName::try_from(format!("refs/heads/{name}"))
        .ok()
        .filter(|_| name.chars().count() <= 256)
        .ok_or_else(|| {
            ServiceError::new(
                "InvalidBranchNameException",
                format!("{name:?} is no branch name"),
            )
        })?;
    let missing = || {
        ServiceError::new(
            "BranchDoesNotExistException",
            format!("there is no branch {name}"),
        )
    };
    let tip = specifier::reference(call.git, &full)?.ok_or_else(missing)?;
    let commit = specifier::peel(call.git, tip)?.ok_or_else(missing)?;
    Ok(json!({"branch": {"branchName": name, "commitId": commit.to_string()}}))
}

/// ListBranches, in order of their names. Guess: pages of 1,000, as ListRepositories has them.
pub(super) fn list(call: &Call<'_>) -> Result<Value, ServiceError> {
    let references = call.git.references().map_err(unreadable)?;
    let mut names = Vec::new();
    for branch in references.local_branches().map_err(unreadable)? {
        names.push(
            branch
                .map_err(unreadable)?
                .name()
                .shorten()
                .to_str_lossy()
                .into_owned(),
        );
    }
    names.sort();
    page::of_names(
        "branches",
        &names.into_iter().map(Value::from).collect::<Vec<_>>(),
        call.input,
    )
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::codecommit::fixture::Repo;

    #[tokio::test]
    async fn a_branch_keeps_the_slashes_of_its_name() {
        let repo = Repo::sampler();
        let tip = repo.commit("feature/x", &[("100644", b"x", b"x")]);
        for packed in [false, true] {
            if packed {
                repo.git(["pack-refs", "--all"]);
            }
            let answer = repo
                .ask("GetBranch", json!({"branchName": "feature/x"}))
                .await
                .unwrap();
            assert_eq!(
                answer,
                json!({"branch": {"branchName": "feature/x", "commitId": tip}})
            );
            let answer = repo.ask("ListBranches", json!({})).await.unwrap();
            assert_eq!(answer, json!({"branches": ["feature/x", "main"]}));
        }
    }

    #[tokio::test]
    async fn branches_beyond_a_thousand_come_in_pages() {
        let repo = Repo::sampler();
        let tip = repo.git(["rev-parse", "main"]);
        let lines: Vec<_> = (0..1000)
            .map(|i| format!("create refs/heads/b/{i:04} {tip}\n"))
            .collect();
        crate::codecommit::fixture::git(
            &repo.path(),
            ["update-ref", "--stdin"],
            lines.concat().as_bytes(),
        );
        let first = repo.ask("ListBranches", json!({})).await.unwrap();
        assert_eq!(first["branches"].as_array().unwrap().len(), 1000);
        let input = json!({"nextToken": first["nextToken"]});
        let second = repo.ask("ListBranches", input).await.unwrap();
        assert_eq!(second, json!({"branches": ["main"]}));
        let input = json!({"nextToken": "no token"});
        assert_eq!(
            repo.refused("ListBranches", input).await,
            "InvalidContinuationTokenException"
        );
    }

    #[tokio::test]
    async fn a_wrong_branch_is_refused_by_the_documented_names() {
        let repo = Repo::sampler();
        repo.git(["tag", "v1"]);
        for (name, exception) in [
            (Value::Null, "BranchNameRequiredException"),
            (json!("a..b"), "InvalidBranchNameException"),
            (json!("a b"), "InvalidBranchNameException"),
            (json!("x".repeat(257)), "InvalidBranchNameException"),
            (json!("none"), "BranchDoesNotExistException"),
            (json!("main/x"), "BranchDoesNotExistException"),
            (json!("v1"), "BranchDoesNotExistException"),
            (json!("refs/heads/main"), "BranchDoesNotExistException"),
        ] {
            assert_eq!(
                repo.refused("GetBranch", json!({"branchName": name})).await,
                exception
            );
        }
    }
}
