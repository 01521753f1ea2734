//! Repositories that change while they are served, and that serving does not change.

use serde_json::json;

use crate::codecommit::fixture::{Repo, SAMPLER};
use crate::codecommit::{CodeCommit, describe};

#[tokio::test]
async fn what_is_committed_packed_or_deleted_while_served_is_seen_at_once() {
    let repo = Repo::sampler();
    repo.ask("GetFile", json!({"filePath": "README.md"}))
        .await
        .unwrap();
    for round in 0..12_u32 {
        let content = round.to_string().into_bytes();
        let branch = format!("push/{round}");
        let commit = repo.commit(&branch, &[("100644", &content, b"round")]);
        // A pack of its own for each round.
        repo.git(["repack", "-q", "-d"]);
        repo.git(["pack-refs", "--all"]);
        if round % 10 == 9 {
            repo.git(["gc", "-q", "--prune=now"]);
        }
        let input = json!({"filePath": "round", "commitSpecifier": branch});
        let file = repo.ask("GetFile", input).await.unwrap();
        assert_eq!(file["commitId"], commit);
        let blob = repo
            .ask("GetBlob", json!({"blobId": repo.blob(&content)}))
            .await
            .unwrap();
        assert_eq!(blob["content"], file["fileContent"]);
    }
    repo.git(["branch", "-q", "-D", "push/7"]);
    let gone = repo
        .refused("GetBranch", json!({"branchName": "push/7"}))
        .await;
    assert_eq!(gone, "BranchDoesNotExistException");
    repo.git(["symbolic-ref", "HEAD", "refs/heads/push/8"]);
    let answer = repo.ask("GetRepository", json!({})).await.unwrap();
    assert_eq!(answer["repositoryMetadata"]["defaultBranch"], "push/8");
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
                "commitSpecifier": "refs/heads/main",
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
async fn a_repository_is_left_exactly_as_it_was() {
    let repo = Repo::sampler();
    repo.git(["gc", "-q", "--prune=now"]);
    let listing = || {
        let mut files = Vec::new();
        let mut folders = vec![repo.path()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let about = entry.metadata().unwrap();
                if about.is_dir() {
                    folders.push(entry.path());
                }
                files.push((entry.path(), about.len(), about.modified().unwrap()));
            }
        }
        files.sort();
        files
    };
    let before = listing();
    repo.service.add_repository("again", &repo.path()).unwrap();
    repo.ask(
        "GetFolder",
        json!({"folderPath": "", "repositoryName": "again"}),
    )
    .await
    .unwrap();
    repo.ask("GetDifferences", json!({"afterCommitSpecifier": "main"}))
        .await
        .unwrap();
    repo.ask("ListBranches", json!({})).await.unwrap();
    describe(&repo.path()).unwrap();
    assert_eq!(listing(), before);
}

#[tokio::test]
async fn git_replace_does_not_change_what_is_served() {
    let repo = Repo::sampler();
    let (one, other) = (repo.blob(b"# demo\n"), repo.blob(b"replaced"));
    repo.git(["replace", &one, &other]);
    let fresh = CodeCommit::new();
    fresh.add_repository("demo", &repo.path()).unwrap();
    let input = json!({"repositoryName": "demo", "filePath": "README.md"});
    assert_eq!(fresh.call("GetFile", input).await.unwrap()["fileSize"], 7);
}
