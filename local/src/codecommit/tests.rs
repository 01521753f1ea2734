//! What the function's tests rely on: refusals, limits, and repositories that change while they
//! are served. That the answers are Git's own, tests/it sees in whole bundles.

use serde_json::json;

use super::CodeCommit;
use super::fixture::{MAIN, Repo, SAMPLER, git};

#[tokio::test]
async fn what_is_wrong_with_a_call_is_refused_by_the_documented_names() {
    let repo = Repo::sampler();
    repo.git(["tag", "-a", "-m", "x", "v1"]);
    let here = repo.git(["rev-parse", "main"]);
    let short = repo.git(["rev-parse", "--short", "main"]);
    let tree = repo.git(["rev-parse", "main^{tree}"]);
    let tag = repo.git(["rev-parse", "v1"]);
    let (none, wrong) = ("1".repeat(40), "z".repeat(40));
    let long = "a/".repeat(2049);
    let name = |name: &str| json!({"repositoryName": name});
    let folder = |path: &str| json!({"folderPath": path, "commitSpecifier": MAIN});
    let file = |path: &str| json!({"filePath": path, "commitSpecifier": MAIN});
    let of = |commit: &str| json!({"folderPath": "", "commitSpecifier": commit});
    let blob = |id: &str| json!({"blobId": id});
    let commit = |id: &str| json!({"commitId": id});
    let differences = |before: &str, after: &str| json!({"beforeCommitSpecifier": before, "afterCommitSpecifier": after});
    for (operation, cases) in [
        ("PutFile", vec![(json!({}), "UnknownOperation")]),
        (
            "GetFolder",
            vec![
                (json!({"repositoryName": null}), "RepositoryNameRequired"),
                (name("a b"), "InvalidRepositoryName"),
                (name(&"x".repeat(101)), "InvalidRepositoryName"),
                (name("Demo"), "RepositoryDoesNotExist"),
                (of("refs/heads/a..b"), "InvalidCommit"),
                (of("refs/heads/none"), "CommitDoesNotExist"),
                (of(&tree), "CommitDoesNotExist"),
                (json!({"commitSpecifier": MAIN}), "PathRequired"),
                (folder("a//b"), "InvalidPath"),
                (folder("../demo"), "InvalidPath"),
                (folder(&long), "InvalidPath"),
                (folder("README.md"), "FolderDoesNotExist"),
                (folder("link"), "FolderDoesNotExist"),
                (folder("module"), "FolderDoesNotExist"),
                (folder("BIN"), "FolderDoesNotExist"),
            ],
        ),
        (
            "GetFile",
            vec![
                (json!({"commitSpecifier": MAIN}), "PathRequired"),
                (file("bin/../README.md"), "InvalidPath"),
                (file("bin"), "FileDoesNotExist"),
                (file("module"), "FileDoesNotExist"),
                (file("link/x"), "FileDoesNotExist"),
                (file("readme.md"), "FileDoesNotExist"),
            ],
        ),
        (
            "GetBlob",
            vec![
                (json!({}), "BlobIdRequired"),
                (blob("abc123"), "InvalidBlobId"),
                (blob(&wrong), "InvalidBlobId"),
                (blob(&none), "BlobIdDoesNotExist"),
                (blob(&here), "BlobIdDoesNotExist"),
            ],
        ),
        (
            "GetCommit",
            vec![
                (json!({}), "CommitIdRequired"),
                (commit("main"), "InvalidCommitId"),
                (commit(&short), "InvalidCommitId"),
                (commit(&none), "CommitIdDoesNotExist"),
                (commit(&tree), "CommitIdDoesNotExist"),
                (commit(&tag), "CommitIdDoesNotExist"),
            ],
        ),
        (
            "GetDifferences",
            vec![
                (differences(&none, &here), "CommitDoesNotExist"),
                (differences(&here, &none), "CommitDoesNotExist"),
            ],
        ),
    ] {
        for (input, exception) in cases {
            let refused = repo.refused(operation, input.clone()).await;
            assert_eq!(refused, format!("{exception}Exception"), "{input}");
        }
    }
    let short_name = repo.refused("GetFolder", of("main")).await;
    assert_eq!(short_name, "NotServedLocally");
}

#[tokio::test]
async fn a_file_at_the_limit_is_returned_and_one_byte_more_is_refused() {
    let repo = Repo::new();
    let mut content = vec![b'x'; 6_291_456];
    let fits = json!({"blobId": repo.blob(&content)});
    assert!(repo.call("GetBlob", fits).await.is_ok());
    content.push(b'x');
    repo.commit("main", &[("100644", &content, b"large")]);
    let large = json!({"blobId": repo.git(["rev-parse", "main:large"])});
    let refused = repo.refused("GetBlob", large).await;
    assert_eq!(refused, "FileTooLargeException");
    let refused = repo.file("large").await.unwrap_err();
    assert_eq!(refused.code, "FileTooLargeException");
}

#[tokio::test]
async fn past_a_hundred_differences_there_is_a_next_page_which_is_refused() {
    let repo = Repo::sampler();
    let old = repo.git(["rev-parse", "main"]);
    let names: Vec<_> = (0..150).map(|i| format!("f{i}")).collect();
    let entries = names
        .iter()
        .map(|name| ("100644", b"".as_slice(), name.as_bytes()));
    let new = repo.commit("main", &entries.collect::<Vec<_>>());
    let mut input = json!({"beforeCommitSpecifier": old, "afterCommitSpecifier": new});
    let answer = repo.call("GetDifferences", input.clone()).await.unwrap();
    assert_eq!(answer["differences"].as_array().unwrap().len(), 100);
    input["NextToken"] = answer["NextToken"].clone();
    let refused = repo.refused("GetDifferences", input).await;
    assert_eq!(refused, "NotServedLocally");
}

#[tokio::test]
async fn a_name_that_is_not_utf8_arrives_damaged_as_json_must() {
    let repo = Repo::new();
    let entries = [
        ("100644", b"x".as_slice(), b"caf\xe9".as_slice()),
        ("100644", b"y", b"d\xff/in"),
    ];
    repo.commit("main", &entries);
    let folder = |path: &str| json!({"folderPath": path, "commitSpecifier": MAIN});
    let answer = repo.call("GetFolder", folder("")).await.unwrap();
    assert_eq!(answer["files"][0]["relativePath"], "caf\u{fffd}");
    assert_eq!(answer["subFolders"][0]["absolutePath"], "d\u{fffd}");
    let refused = repo.refused("GetFolder", folder("d\u{fffd}")).await;
    assert_eq!(refused, "FolderDoesNotExistException");
}

#[tokio::test]
async fn a_commit_says_what_git_cat_file_shows() {
    let repo = Repo::sampler();
    let first = repo.git(["rev-parse", "main"]);
    let second = repo.commit("main", &[("100644", b"x", b"x")]);
    let answer = repo.call("GetCommit", json!({"commitId": second})).await;
    let expected = json!({"commit": {
        "commitId": second,
        "treeId": repo.git(["rev-parse", "main^{tree}"]),
        "parents": [first],
        "message": "a message\n",
        "author": {"name": "Mary Major", "email": "mary@example.com", "date": "1484167798 -0800"},
        "committer": {"name": "Li Juan", "email": "li@example.com", "date": "1484167799 +0530"},
        "additionalData": "",
    }});
    assert_eq!(answer.unwrap(), expected);
}

#[tokio::test]
async fn what_is_committed_packed_or_replaced_while_served_is_what_a_server_has() {
    let repo = Repo::sampler();
    repo.file("README.md").await.unwrap();
    for round in 0..6_u32 {
        let content = round.to_string().into_bytes();
        let commit = repo.commit("main", &[("100644", &content, b"round")]);
        // A pack of its own for each round.
        repo.git(["repack", "-q", "-d"]);
        repo.git(["pack-refs", "--all"]);
        if round == 4 {
            repo.git(["gc", "-q", "--prune=now"]);
        }
        assert_eq!(repo.file("round").await.unwrap()["commitId"], commit);
    }
    let (one, other) = (
        repo.git(["rev-parse", "main:round"]),
        repo.blob(b"replaced"),
    );
    repo.git(["replace", &one, &other]);
    assert_eq!(repo.file("round").await.unwrap()["fileSize"], 1);
}

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
        "worktree",
        "add",
        "-q",
        "--no-checkout",
        "--detach",
        "../linked",
        "main",
    ]);
    std::fs::create_dir_all(repo.path().join("sub/folder")).unwrap();
    for folder in ["bare.git", "shallow", "linked", "demo/sub/folder"] {
        let name = folder.replace(['/', '.'], "-");
        repo.service
            .add_repository(&name, &repo.dir.path().join(folder))
            .unwrap();
        let input = json!({"repositoryName": name, "filePath": "bin/run", "commitSpecifier": tip});
        let file = repo.call("GetFile", input).await.unwrap();
        assert_eq!(file["fileMode"], "EXECUTABLE", "{name}");
    }
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
    assert_eq!(service.repositories(), Vec::<String>::new());
}
