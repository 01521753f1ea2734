//! What the function's tests rely on: refusals, limits, and repositories that change while they
//! are served. That the answers are Git's own, tests/it sees in whole bundles.

use serde_json::json;

use super::fixture::repository::FILE;
use super::fixture::{MAIN, Repo};

#[tokio::test]
async fn what_is_wrong_with_a_call_is_refused_by_the_documented_names() {
    let repo = Repo::sampler();
    let here = repo.commit.clone();
    let tree = repo.id("main^{tree}");
    let tag = format!("object {here}\ntype commit\ntag v1\ntagger M <m@example.com> 1 +0000\n\nx");
    let tag = repo.git.git_with(&["mktag"], tag.as_bytes());
    let (none, wrong) = ("1".repeat(40), "z".repeat(40));
    let long = "a/".repeat(2049);
    let name = |name: &str| json!({"repositoryName": name});
    let folder = |path: &str| json!({"folderPath": path, "commitSpecifier": MAIN});
    let file = |path: &str| json!({"filePath": path, "commitSpecifier": MAIN});
    let of = |commit: &str| json!({"folderPath": "", "commitSpecifier": commit});
    let blob = |id: &str| json!({"blobId": id});
    let commit = |id: &str| json!({"commitId": id});
    let changed = |before: &str, after: &str| json!({"beforeCommitSpecifier": before, "afterCommitSpecifier": after});
    let missing = "CommitDoesNotExist";
    for (operation, input, exception) in [
        ("PutFile", json!({}), "UnknownOperation"),
        ("GetFolder", name(""), "RepositoryNameRequired"),
        ("GetFolder", name("a b"), "InvalidRepositoryName"),
        ("GetFolder", name("demo.git"), "InvalidRepositoryName"),
        ("GetFolder", name(&"x".repeat(101)), "InvalidRepositoryName"),
        ("GetFolder", name("Demo"), "RepositoryDoesNotExist"),
        ("GetFolder", of("refs/heads/a..b"), "InvalidCommit"),
        ("GetFolder", of("refs/heads/none"), "CommitDoesNotExist"),
        ("GetFolder", of(&tree), "CommitDoesNotExist"),
        ("GetFolder", commit(&here), "PathRequired"),
        ("GetFolder", folder("a//b"), "InvalidPath"),
        ("GetFolder", folder("../demo"), "InvalidPath"),
        ("GetFolder", folder(&long), "InvalidPath"),
        ("GetFolder", folder("README.md"), "FolderDoesNotExist"),
        ("GetFolder", folder("link"), "FolderDoesNotExist"),
        ("GetFolder", folder("module"), "FolderDoesNotExist"),
        ("GetFolder", folder("BIN"), "FolderDoesNotExist"),
        ("GetFile", commit(&here), "PathRequired"),
        ("GetFile", file("bin/../README.md"), "InvalidPath"),
        ("GetFile", file("bin"), "FileDoesNotExist"),
        ("GetFile", file("module"), "FileDoesNotExist"),
        ("GetFile", file("link/x"), "FileDoesNotExist"),
        ("GetFile", file("readme.md"), "FileDoesNotExist"),
        ("GetBlob", json!({}), "BlobIdRequired"),
        ("GetBlob", blob("abc123"), "InvalidBlobId"),
        ("GetBlob", blob(&wrong), "InvalidBlobId"),
        ("GetBlob", blob(&none), "BlobIdDoesNotExist"),
        ("GetBlob", blob(&here), "BlobIdDoesNotExist"),
        ("GetCommit", json!({}), "CommitIdRequired"),
        ("GetCommit", commit("main"), "InvalidCommitId"),
        ("GetCommit", commit(&here[..7]), "InvalidCommitId"),
        ("GetCommit", commit(&none), "CommitIdDoesNotExist"),
        ("GetCommit", commit(&tree), "CommitIdDoesNotExist"),
        ("GetCommit", commit(&tag), "CommitIdDoesNotExist"),
        ("GetDifferences", changed(&none, &here), missing),
        ("GetDifferences", changed(&here, &none), missing),
    ] {
        let refused = repo.refused(operation, input.clone()).await;
        assert_eq!(refused, format!("{exception}Exception"), "{input}");
    }
    for (operation, input) in [("GetFolder", of("main")), ("GetFile", file("link"))] {
        let refused = repo.refused(operation, input).await;
        assert_eq!(refused, "NotServedLocally", "{operation}");
    }
}

#[tokio::test]
async fn a_file_at_the_limit_is_returned_and_one_byte_more_is_refused() {
    let fits = vec![b'x'; 6_291_456];
    let large = [&fits[..], b"x"].concat();
    let repo = Repo::of([("fits", FILE, &fits), ("large", FILE, &large)]);
    let blob = |name: &str| json!({"blobId": repo.id(&format!("main:{name}"))});
    assert!(repo.call("GetBlob", blob("fits")).await.is_ok());
    let refused = repo.refused("GetBlob", blob("large")).await;
    assert_eq!(refused, "FileTooLargeException");
    let refused = repo.file("large").await.unwrap_err();
    assert_eq!(refused.code, "FileTooLargeException");
}

#[tokio::test]
async fn past_a_hundred_differences_there_is_a_next_page_which_is_refused() {
    let repo = Repo::sampler();
    let files = (0..150).map(|number| (format!("f{number}"), FILE, ""));
    let new = repo.git.commit("main", files);
    let mut input = json!({"beforeCommitSpecifier": repo.commit, "afterCommitSpecifier": new});
    let answer = repo.call("GetDifferences", input.clone()).await.unwrap();
    assert_eq!(answer["differences"].as_array().unwrap().len(), 100);
    input["NextToken"] = answer["NextToken"].clone();
    let refused = repo.refused("GetDifferences", input).await;
    assert_eq!(refused, "NotServedLocally");
}

#[tokio::test]
async fn what_is_committed_packed_or_replaced_while_served_is_what_a_server_has() {
    let repo = Repo::sampler();
    repo.file("README.md").await.unwrap();
    for round in 0..6 {
        let commit = repo
            .git
            .commit("main", [("round", FILE, round.to_string())]);
        // A pack of its own for each round.
        repo.git.git(&["repack", "-q", "-d"]);
        repo.git.git(&["pack-refs", "--all"]);
        if round == 4 {
            repo.git.git(&["gc", "-q", "--prune=now"]);
        }
        assert_eq!(repo.file("round").await.unwrap()["commitId"], commit);
    }
    let other = repo
        .git
        .git_with(&["hash-object", "-w", "--stdin"], b"replaced");
    repo.git.git(&["replace", &repo.id("main:round"), &other]);
    assert_eq!(repo.file("round").await.unwrap()["fileSize"], 1);
}

#[tokio::test]
async fn bare_linked_shallow_and_nested_repositories_are_served() {
    let repo = Repo::sampler();
    let copies = tempfile::tempdir().unwrap();
    let copy = |name: &str| copies.path().join(name).display().to_string();
    let (linked, shallow) = (copy("linked"), copy("shallow"));
    let url = format!("file://{}", repo.git.path().display());
    repo.git.git(&[
        "clone",
        "-q",
        "--no-checkout",
        "--depth",
        "1",
        &url,
        &shallow,
    ]);
    repo.git
        .git(&["worktree", "add", "-q", "--no-checkout", &linked, "main"]);
    let nested = copy("shallow/sub/folder");
    std::fs::create_dir_all(&nested).unwrap();
    for (name, path) in [("linked", linked), ("shallow", shallow), ("nested", nested)] {
        repo.service.add_repository(name, path.as_ref()).unwrap();
        let input =
            json!({"repositoryName": name, "filePath": "bin/run", "commitSpecifier": repo.commit});
        let file = repo.call("GetFile", input).await.unwrap();
        assert_eq!(file["fileMode"], "EXECUTABLE", "{name}");
    }
}

#[test]
fn what_cannot_be_served_is_refused_with_the_reason() {
    let repo = Repo::sampler();
    let folder = tempfile::tempdir().unwrap();
    for (kind, start, why) in [
        ("", "", " is not in a Git repository"),
        ("none", "cannot open ", ""),
        (
            "--object-format=sha256",
            "cannot read the Git repository ",
            "Object format is not enabled",
        ),
        (
            "--ref-format=reftable",
            "cannot read the Git repository ",
            "unsupported storage backend",
        ),
    ] {
        let path = folder.path().join(kind);
        if kind.starts_with("--") {
            repo.git
                .git(&["init", "-q", kind, &path.display().to_string()]);
        }
        let refused = repo.service.add_repository("x", &path).unwrap_err();
        let refused = format!("{refused:#}");
        assert!(
            refused.starts_with(start) && refused.contains(why),
            "{refused}"
        );
    }
    assert_eq!(repo.service.repositories(), ["demo"]);
}
