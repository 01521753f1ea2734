//! From a commit specifier to a commit.
//!
//! "A fully qualified reference can be a commit ID, branch name, tag, or reference such as HEAD"
//! (API_GetFolder). Guesses: a name that is both a branch's and a tag's means the branch; the id
//! of an annotated tag leads to its commit, as the tag's name does; a specifier that no reference
//! could be named is invalid, while one that leads to no commit does not exist.

use gix::ObjectId;
use gix::objs::Kind;
use gix::refs::FullName;

use super::unreadable::unreadable;
use crate::error::ServiceError;

/// The commit that `specifier` means; without one, the default branch's.
pub(super) fn commit(
    git: &gix::Repository,
    specifier: Option<&str>,
) -> Result<ObjectId, ServiceError> {
    let found = match specifier {
        None | Some("HEAD") => head(git)?,
        // A branch's name cannot be 40 hexadecimal digits, so this is unambiguous.
        Some(id) if ObjectId::from_hex(id.as_bytes()).is_ok() => {
            Some(ObjectId::from_hex(id.as_bytes()).map_err(unreadable)?)
        }
        Some(full) if full.starts_with("refs/") => reference(git, &full_name(full)?)?,
        Some(short) => match reference(git, &full_name(&format!("refs/heads/{short}"))?)? {
            None => reference(git, &full_name(&format!("refs/tags/{short}"))?)?,
            branch => branch,
        },
    };
    let commit = match found {
        Some(id) => peel(git, id)?,
        None => None,
    };
    commit.ok_or_else(|| {
        let message = match specifier {
            None => "no commit was specified, and the repository has no default branch".to_owned(),
            Some(specifier) => format!("{specifier} leads to no commit"),
        };
        ServiceError::new("CommitDoesNotExistException", message)
    })
}

/// What the reference of that full name points at, or `None` where there is none.
pub(super) fn reference(
    git: &gix::Repository,
    name: &FullName,
) -> Result<Option<ObjectId>, ServiceError> {
    let found = git.try_find_reference(name.as_ref()).map_err(unreadable)?;
    // gix goes on to refs/tags/refs/heads/… and the like; CodeCommit is not known to.
    let Some(mut found) = found.filter(|found| found.name() == name.as_ref()) else {
        return Ok(None);
    };
    // A symbolic reference may be to one that is not there.
    Ok(found.follow_to_object().ok().map(gix::Id::detach))
}

/// The commit that `id` is or, through annotated tags, leads to.
pub(super) fn peel(git: &gix::Repository, id: ObjectId) -> Result<Option<ObjectId>, ServiceError> {
    let mut id = id;
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

fn head(git: &gix::Repository) -> Result<Option<ObjectId>, ServiceError> {
    match git.head().map_err(unreadable)?.kind {
        gix::head::Kind::Detached { target, .. } => Ok(Some(target)),
        gix::head::Kind::Symbolic(branch) => reference(git, &branch.name),
        gix::head::Kind::Unborn(name) => reference(git, &name),
    }
}

fn full_name(name: &str) -> Result<FullName, ServiceError> {
    FullName::try_from(name).map_err(|_| {
        ServiceError::new(
            "InvalidCommitException",
            format!("{name:?} is neither a full commit id nor a reference's name"),
        )
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::codecommit::fixture::Repo;

    async fn resolved(repo: &Repo, specifier: Value) -> Result<Value, String> {
        let input = json!({"folderPath": "", "commitSpecifier": specifier});
        let answer = repo
            .ask("GetFolder", input)
            .await
            .map_err(|error| error.code)?;
        Ok(answer["commitId"].clone())
    }

    #[tokio::test]
    async fn a_commit_is_found_by_id_branch_tag_head_or_reference() {
        let repo = Repo::sampler();
        let old = repo.git(["rev-parse", "main"]);
        repo.git(["tag", "v1"]);
        repo.git(["tag", "-a", "-m", "x", "v1-annotated"]);
        repo.git(["tag", "-a", "-m", "x", "v1-twice", "v1-annotated"]);
        let new = repo.commit("main", &[]);
        let other = repo.commit("feature/x", &[("100644", b"x", b"x")]);
        let tag = repo.git(["rev-parse", "v1-twice"]);
        for packed in [false, true] {
            if packed {
                repo.git(["pack-refs", "--all"]);
            }
            for (specifier, commit) in [
                (Value::Null, &new),
                (json!("HEAD"), &new),
                (json!("main"), &new),
                (json!("refs/heads/main"), &new),
                (json!("feature/x"), &other),
                (json!("refs/heads/feature/x"), &other),
                (json!("v1"), &old),
                (json!("v1-annotated"), &old),
                (json!("refs/tags/v1-twice"), &old),
                (json!(old), &old),
                (json!(tag), &old),
            ] {
                let found = resolved(&repo, specifier.clone()).await;
                assert_eq!(found.unwrap(), *commit, "{specifier}");
            }
        }
    }

    #[tokio::test]
    async fn what_leads_to_no_commit_does_not_exist() {
        let repo = Repo::sampler();
        let tree = repo.git(["rev-parse", "main^{tree}"]);
        repo.git(["tag", "a-tree", &tree]);
        repo.git(["symbolic-ref", "refs/heads/dangling", "refs/heads/none"]);
        let short = repo.git(["rev-parse", "--short", "main"]);
        let none = "1".repeat(40);
        for specifier in [
            "none",
            "main/x",
            "heads/main",
            "refs/heads/none",
            "FETCH_HEAD",
            "a-tree",
            "dangling",
            &tree,
            &short,
            &none,
        ] {
            let found = resolved(&repo, json!(specifier)).await;
            assert_eq!(
                found.unwrap_err(),
                "CommitDoesNotExistException",
                "{specifier}"
            );
        }
    }

    #[tokio::test]
    async fn what_no_reference_can_be_named_is_invalid() {
        let repo = Repo::sampler();
        for specifier in [
            "",
            "HEAD~1",
            "main^",
            "a b",
            "a..b",
            "main:README.md",
            "refs/heads/",
            "x.lock",
        ] {
            let found = resolved(&repo, json!(specifier)).await;
            assert_eq!(found.unwrap_err(), "InvalidCommitException", "{specifier}");
        }
    }

    #[tokio::test]
    async fn a_repository_without_commits_has_no_default_branch() {
        let repo = Repo::new();
        for specifier in [Value::Null, json!("HEAD"), json!("main")] {
            assert_eq!(
                resolved(&repo, specifier).await.unwrap_err(),
                "CommitDoesNotExistException"
            );
        }
    }
}
