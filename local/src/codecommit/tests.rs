//! The service as a whole: kinds of repositories, names, and wrong calls.

use serde_json::json;

use super::CodeCommit;
use super::fixture::{Repo, SAMPLER, git};

mod live;

#[tokio::test]
async fn bare_linked_shallow_and_nested_repositories_are_served() {
    let repo = Repo::sampler();
    let tip = repo.commit("main", SAMPLER);
    let url = format!("file://{}", repo.path().display());
    repo.git(["clone", "-q", "--bare", ".", "../bare.git"]);
    repo.git([
        "clone",
        "-q",
        "--no-checkout",
        "--depth",
        "1",
        &url,
        "../shallow",
    ]);
    repo.git([
        "clone",
        "-q",
        "--no-checkout",
        "--shared",
        ".",
        "../borrowing",
    ]);
    repo.git([
        "worktree",
        "add",
        "-q",
        "--no-checkout",
        "--detach",
        "../linked",
        "main",
    ]);
    std::fs::create_dir_all(repo.path().join("sub/folder")).unwrap();
    for (name, folder) in [
        ("bare", "bare.git"),
        ("shallow", "shallow"),
        ("borrowing", "borrowing"),
        ("linked", "linked"),
        ("nested", "demo/sub/folder"),
    ] {
        repo.service
            .add_repository(name, &repo.dir.path().join(folder))
            .unwrap();
        let input = json!({"repositoryName": name, "filePath": "bin/run"});
        let file = repo.ask("GetFile", input).await.unwrap();
        assert_eq!(file["commitId"], tip, "{name}");
        assert_eq!(file["fileMode"], "EXECUTABLE");
    }
}

#[tokio::test]
async fn a_submodule_is_served_through_its_git_file() {
    let repo = Repo::sampler();
    repo.git(["init", "-q", "-b", "main", "../super"]);
    let outer = repo.dir.path().join("super");
    let allow = "protocol.file.allow=always";
    let demo = repo.path();
    // The sampler holds names that not every file system takes: a plain commit to check out.
    repo.commit("plain", &[("100644", b"x", b"x")]);
    let demo = demo.to_str().unwrap();
    git(
        &outer,
        [
            "-c",
            allow,
            "submodule",
            "add",
            "-q",
            "-b",
            "plain",
            demo,
            "inner",
        ],
        b"",
    );
    assert!(outer.join("inner/.git").is_file());
    repo.service
        .add_repository("inner", &outer.join("inner"))
        .unwrap();
    let input = json!({"repositoryName": "inner", "branchName": "plain"});
    let branch = repo.ask("GetBranch", input).await.unwrap();
    assert_eq!(
        branch["branch"]["commitId"],
        repo.git(["rev-parse", "plain"])
    );
    assert_eq!(
        super::describe(&outer.join("inner"))
            .unwrap()
            .repository_name,
        "inner"
    );
}

#[test]
fn a_folder_that_is_no_repository_is_refused_with_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let service = CodeCommit::new();
    let error = service
        .add_repository("x", folder.path())
        .unwrap_err()
        .to_string();
    let path = folder.path().canonicalize().unwrap();
    assert_eq!(
        error,
        format!("{} is no Git repository, and in none", path.display())
    );
    let error = service
        .add_repository("x", &path.join("none"))
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("cannot open "), "{error}");
    assert!(service.repositories().is_empty());
}

#[test]
fn repositories_of_kinds_that_cannot_be_served_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (kind, why) in [
        (
            "--object-format=sha256",
            "Object format is not enabled in this build",
        ),
        (
            "--ref-format=reftable",
            "unsupported storage backend, such as reftable",
        ),
    ] {
        git(folder.path(), ["init", "-q", kind, "--", kind], b"");
        let error = CodeCommit::new()
            .add_repository("x", &folder.path().join(kind))
            .unwrap_err();
        let error = format!("{error:#}");
        assert!(
            error.starts_with("cannot read the Git repository "),
            "{error}"
        );
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_name_belongs_to_one_repository() {
    let repo = Repo::sampler();
    repo.service
        .add_repository("demo", &repo.path().join(".git"))
        .unwrap();
    repo.git(["clone", "-q", "--bare", ".", "../other.git"]);
    let other = repo.dir.path().join("other.git");
    let error = repo
        .service
        .add_repository("demo", &other)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("there is a repository named demo already: "),
        "{error}"
    );
    assert!(repo.service.add_repository("no/name", &other).is_err());
    assert!(repo.service.add_repository("other.git", &other).is_err());
    assert_eq!(repo.service.repositories(), ["demo"]);
}

#[tokio::test]
async fn wrong_repositories_and_operations_are_refused() {
    let repo = Repo::sampler();
    for operation in [
        "GetFolder",
        "GetFile",
        "GetBlob",
        "GetCommit",
        "GetBranch",
        "GetDifferences",
        "GetRepository",
        "ListBranches",
    ] {
        for (name, exception) in [
            (json!(null), "RepositoryNameRequiredException"),
            (json!("a b"), "InvalidRepositoryNameException"),
            (json!("x".repeat(101)), "InvalidRepositoryNameException"),
            (json!("Demo"), "RepositoryDoesNotExistException"),
        ] {
            let answer = repo
                .service
                .call(operation, json!({"repositoryName": name}))
                .await;
            assert_eq!(answer.unwrap_err().code, exception);
        }
    }
    assert_eq!(
        repo.refused("PutFile", json!({})).await,
        "UnknownOperationException"
    );
    let not_an_object = repo.service.call("GetFolder", json!([])).await.unwrap_err();
    assert_eq!(not_an_object.code, "SerializationException");
}
