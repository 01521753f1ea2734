//! GetDifferences against `git diff-tree -r --no-renames`.

use serde_json::{Value, json};

use crate::codecommit::fixture::{New, Repo, SAMPLER, git};

const NONE: &str = "0000000000000000000000000000000000000000";

/// Asks page after page and writes the differences as `git diff-tree -r` does.
async fn differences(repo: &Repo, mut input: Value) -> Vec<String> {
    let mut lines = Vec::new();
    loop {
        let answer = repo.ask("GetDifferences", input.clone()).await.unwrap();
        for one in answer["differences"].as_array().unwrap() {
            let side = |name: &str| {
                let blob = &one[name];
                let mode = blob["mode"].as_str().unwrap_or("000000").to_owned();
                (
                    mode,
                    blob["blobId"].as_str().unwrap_or(NONE).to_owned(),
                    blob["path"].as_str(),
                )
            };
            let (before, after) = (side("beforeBlob"), side("afterBlob"));
            let path = after.2.or(before.2).unwrap();
            let change = one["changeType"].as_str().unwrap();
            lines.push(format!(
                ":{} {} {} {} {change}|{path}",
                before.0, after.0, before.1, after.1
            ));
        }
        match answer.get("NextToken") {
            Some(token) => input["NextToken"] = token.clone(),
            None => return lines,
        }
    }
}

/// The same by git. A change of type (T) is a modification for CodeCommit.
fn diff_tree(repo: &Repo, arguments: &[&str]) -> Vec<String> {
    let command = [
        &["diff-tree", "-r", "--no-renames", "--no-commit-id", "-z"],
        arguments,
    ]
    .concat();
    let out = git(&repo.path(), command, b"");
    let mut parts = out.split(|byte| *byte == 0).map(String::from_utf8_lossy);
    let mut lines = Vec::new();
    while let (Some(head), Some(path)) = (parts.next(), parts.next()) {
        let head = head
            .strip_suffix('T')
            .map_or(head.to_string(), |head| format!("{head}M"));
        lines.push(format!("{head}|{path}"));
    }
    lines
}

/// The sampler after a push that does everything at once.
fn changed() -> Vec<New<'static>> {
    let mut entries: Vec<New<'_>> = SAMPLER
        .iter()
        .filter(|(_, _, path)| !matches!(*path, b"empty" | b"order/in" | b"bin/dangling" | b"link"))
        .map(|&(mode, content, path)| match path {
            b"README.md" => (mode, b"# changed\n".as_slice(), path),
            b"bin/run" => ("100644", content, path),
            b"module" => (
                mode,
                b"1111111111111111111111111111111111111111".as_slice(),
                path,
            ),
            b"vendor/module" => ("120000", b"elsewhere".as_slice(), path),
            _ => (mode, content, path),
        })
        .collect();
    entries.extend_from_slice(&[
        ("100644", b"a file now", b"order"),
        ("100644", b"in a folder now", b"link/in"),
        ("100644", b"moved", b"empty.moved/empty"),
        ("100755", b"new", b"deep/1/2/new"),
    ]);
    entries
}

#[tokio::test]
async fn without_a_before_all_of_the_commit_is_added() {
    let repo = Repo::sampler();
    let listed = differences(
        &repo,
        json!({"afterCommitSpecifier": "main", "MaxResults": 4}),
    )
    .await;
    assert_eq!(listed, diff_tree(&repo, &["--root", "main"]));
    assert_eq!(listed.len(), SAMPLER.len());
}

#[tokio::test]
async fn between_two_commits_they_are_those_of_git_diff_tree() {
    let repo = Repo::sampler();
    let old = repo.git(["rev-parse", "main"]);
    let new = repo.commit("main", &changed());
    for (before, after) in [(&old, &new), (&new, &old), (&new, &new)] {
        for size in [1, 3, 100] {
            let input = json!({
                "beforeCommitSpecifier": before, "afterCommitSpecifier": after, "MaxResults": size,
            });
            assert_eq!(
                differences(&repo, input).await,
                diff_tree(&repo, &[before, after])
            );
        }
    }
}

#[tokio::test]
async fn a_path_limits_them_and_is_left_out_of_theirs() {
    let repo = Repo::sampler();
    let old = repo.git(["rev-parse", "main"]);
    repo.commit("main", &changed());
    let ask = |paths: Value| {
        let mut input = json!({"beforeCommitSpecifier": old, "afterCommitSpecifier": "main"});
        input
            .as_object_mut()
            .unwrap()
            .extend(paths.as_object().unwrap().clone());
        input
    };
    let found = differences(&repo, ask(json!({"afterPath": "bin"}))).await;
    assert_eq!(
        found,
        diff_tree(&repo, &[&format!("{old}:bin"), "main:bin"])
    );
    let found = differences(&repo, ask(json!({"beforePath": "/README.md"}))).await;
    assert_eq!(found.len(), 1);
    assert!(found[0].ends_with(" M|README.md"), "{found:?}");
    let found = differences(
        &repo,
        ask(json!({"beforePath": "deep", "afterPath": "deep/1/2"})),
    )
    .await;
    assert_eq!(
        found,
        diff_tree(&repo, &[&format!("{old}:deep"), "main:deep/1/2"])
    );
    let none = repo
        .refused("GetDifferences", ask(json!({"afterPath": "no"})))
        .await;
    assert_eq!(none, "PathDoesNotExistException");
    let wrong = repo
        .refused("GetDifferences", ask(json!({"afterPath": "a//b"})))
        .await;
    assert_eq!(wrong, "InvalidPathException");
}

#[tokio::test]
async fn later_pages_are_of_the_commit_that_the_first_was_of() {
    let repo = Repo::sampler();
    let expected = diff_tree(&repo, &["--root", "main"]);
    let input = json!({"afterCommitSpecifier": "main", "MaxResults": 5});
    let first = repo.ask("GetDifferences", input).await.unwrap();
    repo.commit("main", &[("100644", b"x", b"x")]);
    let input = json!({"afterCommitSpecifier": "main", "NextToken": first["NextToken"]});
    assert_eq!(differences(&repo, input).await, expected[5..]);
}

#[tokio::test]
async fn a_page_has_a_hundred_unless_asked_otherwise() {
    let repo = Repo::new();
    let names: Vec<_> = (0..250).map(|i| format!("f{i}")).collect();
    let entries: Vec<New<'_>> = names
        .iter()
        .map(|n| ("100644", b"".as_slice(), n.as_bytes()))
        .collect();
    repo.commit("main", &entries);
    let answer = repo
        .ask("GetDifferences", json!({"afterCommitSpecifier": "HEAD"}))
        .await
        .unwrap();
    assert_eq!(answer["differences"].as_array().unwrap().len(), 100);
    let all = differences(&repo, json!({"afterCommitSpecifier": "HEAD"})).await;
    assert_eq!(all, diff_tree(&repo, &["--root", "HEAD"]));
}

#[tokio::test]
async fn wrong_members_are_refused_by_the_documented_names() {
    let repo = Repo::sampler();
    repo.commit("main", &[]);
    let input = json!({"afterCommitSpecifier": "main~1", "MaxResults": 1});
    assert_eq!(
        repo.refused("GetDifferences", input).await,
        "InvalidCommitException"
    );
    let old = repo.git(["rev-parse", "main~1"]);
    let input = json!({"afterCommitSpecifier": old, "MaxResults": 1});
    let first = repo.ask("GetDifferences", input).await.unwrap();
    let token = &first["NextToken"];
    for (members, exception) in [
        (json!({}), "CommitRequiredException"),
        (
            json!({"afterCommitSpecifier": "none"}),
            "CommitDoesNotExistException",
        ),
        (
            json!({"afterCommitSpecifier": "main", "beforeCommitSpecifier": "none"}),
            "CommitDoesNotExistException",
        ),
        (
            json!({"afterCommitSpecifier": "main", "MaxResults": 0}),
            "InvalidMaxResultsException",
        ),
        (
            json!({"afterCommitSpecifier": "main", "MaxResults": -1}),
            "InvalidMaxResultsException",
        ),
        (
            json!({"afterCommitSpecifier": "main", "MaxResults": "1"}),
            "SerializationException",
        ),
        (
            json!({"afterCommitSpecifier": "main", "NextToken": "x"}),
            "InvalidContinuationTokenException",
        ),
        (
            json!({"afterCommitSpecifier": old, "afterPath": "bin", "NextToken": token}),
            "InvalidContinuationTokenException",
        ),
        (
            json!({"afterCommitSpecifier": "main", "NextToken": token}),
            "InvalidContinuationTokenException",
        ),
        (
            json!({"afterCommitSpecifier": old, "beforeCommitSpecifier": "main", "NextToken": token}),
            "InvalidContinuationTokenException",
        ),
    ] {
        assert_eq!(
            repo.refused("GetDifferences", members.clone()).await,
            exception,
            "{members}"
        );
    }
}

#[tokio::test]
async fn folders_two_thousand_deep_are_walked_without_running_out_of_stack() {
    let repo = Repo::new();
    let path = format!("{}leaf", "d/".repeat(2000));
    repo.commit("main", &[("100644", b"x", path.as_bytes())]);
    let found = differences(&repo, json!({"afterCommitSpecifier": "main"})).await;
    assert!(found.len() == 1 && found[0].ends_with(&path));
}
