//! `cargo local` as a newcomer meets it: the program itself, in repositories of all kinds.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests have no users, and a panic is how a test fails"
)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pushbuild_local::events::RepositoryEvent;
use tempfile::TempDir;

/// A folder of this name with a repository of one commit on `main` in it.
fn repository(name: &str) -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join(name);
    std::fs::create_dir(&path).unwrap();
    git(&path, &["init", "--quiet", "--initial-branch=main"]);
    commit(&path, "one");
    (root, path)
}

fn git(path: &Path, args: &[&str]) {
    let names = ["user.name=M", "user.email=m@example.com"];
    let names = names.into_iter().flat_map(|name| ["-c", name]);
    let mut command = Command::new("git");
    command.arg("-C").arg(path).args(names).args(args);
    assert!(command.status().unwrap().success(), "git {args:?}");
}

fn commit(path: &Path, content: &str) {
    std::fs::write(path.join("file"), content).unwrap();
    git(path, &["add", "file"]);
    git(path, &["commit", "--quiet", "--message", content]);
}

fn cargo_local(path: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pushbuild-local"));
    let buckets = path.parent().unwrap();
    command
        .current_dir(path)
        .env_remove("CARGO_MANIFEST_DIR")
        .env("TMPDIR", buckets)
        .args(args);
    command
}

/// How it ended, and what it said.
fn run(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap();
    let [out, error] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    let said = format!("{out}{error}");
    (output, said)
}

#[test]
fn a_repository_is_served_whatever_its_folder_is_called() {
    for (name, project) in [
        ("r", "build-r"),
        (".hidden", "build--hidden"),
        ("_x", "build-_x"),
    ] {
        let (_root, path) = repository(name);
        let (output, said) = run(&mut cargo_local(&path, &[]));
        assert!(output.status.success(), "{said}");
        assert!(said.contains("refs/heads/main at "), "{said}");
        assert!(said.contains(": built"), "{said}");
        assert!(said.contains(" bytes, 1 entry\n"), "{said}");
        assert!(
            said.contains(&format!("no project named {name}: here it is {project}")),
            "{said}"
        );
        assert!(said.contains(&format!("  build      {project}:")), "{said}");
    }
}

#[test]
fn a_folder_that_is_not_in_a_repository_gets_one_sentence() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("nothing");
    std::fs::create_dir(&path).unwrap();
    let output = cargo_local(&path, &[]).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    let path = path.canonicalize().unwrap();
    let sentence = "is not in a Git repository; `cargo local try PATH` takes another folder";
    assert_eq!(error, format!("error: {} {sentence}\n", path.display()));
}

#[test]
fn a_detached_head_says_what_it_is_called_and_a_pipe_gets_no_colours() {
    let (_root, path) = repository("shop");
    git(&path, &["checkout", "--quiet", "--detach"]);
    let (_, said) = run(&mut cargo_local(&path, &[]));
    assert!(said.contains("pushed as the branch detached"), "{said}");
    assert!(said.contains("refs/heads/detached at "), "{said}");
    assert!(!said.contains('\x1b'), "{said}");
}

#[test]
fn an_excluded_branch_says_how_to_build_it_all_the_same() {
    let (_root, path) = repository("shop");
    git(&path, &["branch", "develop"]);
    let (output, shown) = run(&mut cargo_local(&path, &["--branch", "develop"]));
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("skipped: refs/heads/develop"), "{shown}");
    assert!(!shown.contains("calls:"), "{shown}");
    let how = "INCLUDE_REFERENCES='refs/**' EXCLUDE_REFERENCES= cargo local";
    assert!(shown.contains(how), "{shown}");
    let mut again = cargo_local(&path, &["--branch", "develop"]);
    again
        .env("INCLUDE_REFERENCES", "refs/**")
        .env("EXCLUDE_REFERENCES", "");
    let (_, shown) = run(&mut again);
    assert!(
        shown.contains("refs/heads/develop at ") && shown.contains(": built"),
        "{shown}"
    );
}

#[test]
fn a_failure_names_the_call_and_the_status_is_1() {
    let (root, path) = repository("shop");
    let event = root.path().join("event.json");
    let none = "1".repeat(40);
    let push = RepositoryEvent::created("shop", "refs/heads/x", &none);
    std::fs::write(&event, push.json().to_string()).unwrap();
    let args = ["--events", event.to_str().unwrap()];
    let (output, said) = run(&mut cargo_local(&path, &args));
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("FAILED at CodeCommit GetCommit (retry): "),
        "{said}"
    );
}

#[test]
fn a_file_that_holds_no_message_is_refused_and_its_name_said() {
    let (root, path) = repository("shop");
    let event = root.path().join("event.json");
    for (content, why) in [
        ("no json", "event.json is not JSON"),
        ("{}", "event.json is neither an SQS event"),
        (r#"{"Records":[]}"#, "event.json has no message"),
    ] {
        std::fs::write(&event, content).unwrap();
        let args = ["--events", event.to_str().unwrap()];
        let (output, said) = run(&mut cargo_local(&path, &args));
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn json_is_one_line_for_each_push_and_nothing_else() {
    let (_root, path) = repository("shop");
    git(&path, &["branch", "feature/x"]);
    let args = ["--all-branches", "--json"];
    let (output, said) = run(&mut cargo_local(&path, &args));
    assert!(output.status.success(), "{said}");
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert_eq!(lines.len(), 2, "{said}");
    for line in lines {
        assert_eq!(line["outcome"], "built", "{line}");
        let bundle = Path::new(line["bundle"].as_str().unwrap());
        assert!(bundle.exists(), "{line}");
    }
}

#[test]
fn watch_pushes_each_commit_and_each_new_branch_as_it_is_made() {
    let (_root, path) = repository("shop");
    let mut watching = cargo_local(&path, &["--watch", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    let mut next = || -> serde_json::Value {
        let line = lines.next().unwrap().unwrap();
        serde_json::from_str(&line).expect(&line)
    };
    let first = next();
    assert_eq!(first["outcome"], "built", "{first}");
    // Made when it certainly watches: a moment later it would, too.
    std::thread::sleep(std::time::Duration::from_secs(1));
    commit(&path, "two");
    let second = next();
    assert_eq!(second["outcome"], "built", "{second}");
    assert_ne!(first["commit"], second["commit"]);
    git(&path, &["branch", "feature/x"]);
    let third = next();
    assert_eq!(third["reference"], "refs/heads/feature/x", "{third}");
    assert_eq!(third["commit"], second["commit"]);
    watching.kill().unwrap();
    watching.wait().unwrap();
}
