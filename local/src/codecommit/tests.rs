//! The service as a whole: kinds of repositories, names, wrong calls, and repositories that change
//! while they are served.

use serde_json::json;

use super::CodeCommit;
use super::fixture::{MAIN, Repo, SAMPLER, git};

#[tokio::test]
async fn bare_linked_shallow_and_nested_repositories_are_served() {
    let repo = Repo::sampler();
    let tip = repo.commit("main", SAMPLER);
    let url = format!("file://{}", repo.path().display());
    let clone = ["clone", "-q", "--no-checkout"];
    repo.git(["clone", "-q", "--bare", ".", "../bare.git"]);
    repo.git(
        clone
            .into_iter()
            .chain(["--depth", "1", &url, "../shallow"]),
    );
    repo.git(clone.into_iter().chain(["--shared", ".", "../borrowing"]));
    let worktree = ["worktree", "add", "-q", "--no-checkout", "--detach"];
    repo.git(worktree.into_iter().chain(["../linked", "main"]));
    std::fs::create_dir_all(repo.path().join("sub/folder")).unwrap();
    for (name, folder) in [
        ("bare", "bare.git"),
        ("shallow", "shallow"),
        ("borrowing", "borrowing"),
        ("linked", "linked"),
        ("nested", "demo/sub/folder"),
    ] {
        let path = repo.dir.path().join(folder);
        repo.service.add_repository(name, &path).unwrap();
        let input = json!({"repositoryName": name, "filePath": "bin/run", "commitSpecifier": tip});
        let file = repo.call("GetFile", input).await.unwrap();
        assert_eq!(file["fileMode"], "EXECUTABLE", "{name}");
    }
}

#[tokio::test]
async fn a_submodule_is_served_through_its_git_file() {
    let repo = Repo::sampler();
    repo.git(["init", "-q", "-b", "main", "../super"]);
    let outer = repo.dir.path().join("super");
    // The sampler holds names that not every file system takes: a plain commit to check out.
    let tip = repo.commit("plain", &[("100644", b"x", b"x")]);
    let demo = repo.path();
    let add = ["-c", "protocol.file.allow=always", "submodule", "add", "-q"];
    let add = add
        .into_iter()
        .chain(["-b", "plain", demo.to_str().unwrap(), "inner"]);
    git(&outer, add, b"");
    let inner = outer.join("inner");
    assert!(inner.join(".git").is_file());
    repo.service.add_repository("inner", &inner).unwrap();
    let input = json!({"repositoryName": "inner", "commitId": tip});
    repo.call("GetCommit", input).await.unwrap();
    assert_eq!(super::describe(&inner).unwrap().repository_name, "inner");
}

#[test]
fn what_cannot_be_served_is_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let service = CodeCommit::new();
    let refused = |path: &str| {
        let error = service.add_repository("x", &folder.path().join(path));
        format!("{:#}", error.unwrap_err())
    };
    assert!(refused("").contains(" is not in a Git repository"));
    assert!(refused("none").starts_with("cannot open "));
    for (kind, why) in [
        ("--object-format=sha256", "Object format is not enabled"),
        ("--ref-format=reftable", "unsupported storage backend"),
    ] {
        git(folder.path(), ["init", "-q", kind, "--", kind], b"");
        let error = refused(kind);
        assert!(
            error.starts_with("cannot read the Git repository "),
            "{error}"
        );
        assert!(error.contains(why), "{error}");
    }
    assert!(service.repositories().is_empty());
}

#[test]
fn a_name_belongs_to_one_repository() {
    let repo = Repo::sampler();
    let add = |name: &str, path: &str| {
        let path = repo.dir.path().join(path);
        repo.service.add_repository(name, &path)
    };
    add("demo", "demo/.git").unwrap();
    repo.git(["clone", "-q", "--bare", ".", "../other.git"]);
    let error = add("demo", "other.git").unwrap_err().to_string();
    assert!(
        error.starts_with("there is a repository named demo already: "),
        "{error}"
    );
    assert!(add("no/name", "other.git").is_err());
    assert!(add("other.git", "other.git").is_err());
    assert_eq!(repo.service.repositories(), ["demo"]);
}

#[tokio::test]
async fn wrong_repositories_specifiers_and_operations_are_refused() {
    let repo = Repo::sampler();
    for (name, exception) in [
        (json!(null), "RepositoryNameRequiredException"),
        (json!("a b"), "InvalidRepositoryNameException"),
        (json!("x".repeat(101)), "InvalidRepositoryNameException"),
        (json!("Demo"), "RepositoryDoesNotExistException"),
    ] {
        let input = json!({"repositoryName": name});
        let refused = repo.service.call("GetFolder", input).await.unwrap_err();
        assert_eq!(refused.code, exception);
    }
    let tree = repo.git(["rev-parse", "main^{tree}"]);
    for (specifier, exception) in [
        ("main", "NotServedLocally"),
        ("refs/heads/", "InvalidCommitException"),
        ("refs/heads/a..b", "InvalidCommitException"),
        ("refs/heads/none", "CommitDoesNotExistException"),
        (&tree, "CommitDoesNotExistException"),
    ] {
        let input = json!({"folderPath": "", "commitSpecifier": specifier});
        assert_eq!(repo.refused("GetFolder", input).await, exception);
    }
    let unknown = repo.refused("PutFile", json!({})).await;
    assert_eq!(unknown, "UnknownOperationException");
}

#[tokio::test]
async fn a_commit_is_found_by_id_branch_or_tag() {
    let repo = Repo::sampler();
    let commit = repo.git(["rev-parse", "main"]);
    repo.git(["tag", "-a", "-m", "x", "v1"]);
    repo.git(["tag", "-a", "-m", "x", "v1-twice", "v1"]);
    let tag = repo.git(["rev-parse", "v1-twice"]);
    for packed in [false, true] {
        if packed {
            repo.git(["pack-refs", "--all"]);
        }
        for specifier in [&commit, &tag, MAIN, "refs/tags/v1-twice"] {
            let input = json!({"folderPath": "", "commitSpecifier": specifier});
            let answer = repo.call("GetFolder", input).await.unwrap();
            assert_eq!(answer["commitId"], commit, "{specifier}");
        }
    }
}

#[tokio::test]
async fn what_is_committed_or_packed_while_served_is_seen_at_once() {
    let repo = Repo::sampler();
    repo.file("README.md").await.unwrap();
    for round in 0..12_u32 {
        let content = round.to_string().into_bytes();
        let commit = repo.commit("main", &[("100644", &content, b"round")]);
        // A pack of its own for each round.
        repo.git(["repack", "-q", "-d"]);
        repo.git(["pack-refs", "--all"]);
        if round == 9 {
            repo.git(["gc", "-q", "--prune=now"]);
        }
        assert_eq!(repo.file("round").await.unwrap()["commitId"], commit);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_are_all_answered_while_the_repository_is_packed() {
    let repo = Repo::sampler();
    let mut calls = tokio::task::JoinSet::new();
    for round in 0..6 {
        for call in 0..64 {
            let service = repo.service.clone();
            let (mode, content, path) = SAMPLER[call % 4];
            let input = json!({
                "repositoryName": "demo",
                "commitSpecifier": MAIN,
                "filePath": std::str::from_utf8(path).unwrap(),
            });
            calls.spawn(async move {
                let file = service.call("GetFile", input).await.unwrap();
                assert_eq!(file["fileSize"], content.len(), "{mode}");
            });
        }
        match round % 3 {
            0 => repo.git(["gc", "-q", "--prune=now"]),
            1 => repo.commit("other", &[("100644", b"x", b"x")]),
            _ => repo.git(["repack", "-q", "-a", "-d"]),
        };
    }
    calls.join_all().await;
}

#[tokio::test]
async fn git_replace_does_not_change_what_is_served() {
    let repo = Repo::sampler();
    let (one, other) = (repo.blob(b"# demo\n"), repo.blob(b"replaced"));
    repo.git(["replace", &one, &other]);
    assert_eq!(repo.file("README.md").await.unwrap()["fileSize"], 7);
}
