//! What an earlier bundle holds is taken over, and not asked of CodeCommit.

use crate::setup::prelude::*;
use crate::setup::project::{built_once, commit, project, update};

/// Asserts how often these operations have been called since the first push.
fn assert_calls<const N: usize>(world: &World, expected: [(&str, usize); N]) {
    let calls = world.aws.calls().list();
    let count = |name| calls.iter().filter(|call| call.operation == name).count();
    assert_eq!(expected.map(|(name, _)| (name, count(name))), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_costs_calls_for_what_changed_and_two_more() {
    let (world, repository, first) = built_once().await;
    let changed = project(&[("docs/1/5", "changed"), ("docs/2/new", "new"), ("top", "x")]);
    let second = commit(&repository, &changed);
    update(&world, &repository, &second, &first).await;
    // The root, `docs` and two folders in it are made of what changed.
    assert_calls(
        &world,
        [("GetFile", 3), ("GetDifferences", 1), ("GetCommit", 1)],
    );
    assert_calls(
        &world,
        [("GetFolder", 0), ("GetBlob", 0), ("ListObjectsV2", 0)],
    );
}

/// A push of three files whose list of changes comes to nothing; its folders are listed then.
async fn costs_calls_without_a_list_of_changes(fault: Rule, folders: usize) -> World {
    let (world, repository, first) = built_once().await;
    world.fault(fault.operation("GetDifferences"));
    let changed = project(&[("docs/1/5", "changed"), ("docs/2/new", "new"), ("top", "x")]);
    let second = commit(&repository, &changed);
    update(&world, &repository, &second, &first).await;
    assert_calls(
        &world,
        [("GetFile", 3), ("GetFolder", folders), ("GetBlob", 0)],
    );
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_not_ask_what_changed_costs_a_call_for_each_changed_folder() {
    let message = "not authorized to perform: codecommit:GetDifferences";
    let denied = exception("AccessDeniedException", message);
    // The root, `docs` and two folders in it.
    let world = costs_calls_without_a_list_of_changes(denied, 4).await;
    let log = world.log();
    assert!(log.contains("does not say what has changed"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_changes_that_is_not_true_costs_a_call_for_each_changed_folder() {
    let untrue = Rule::new(Action::DropEntry {
        name: "docs/1/5".to_owned(),
    });
    // The root, `docs` and the folder in it that the list leaves out.
    let world = costs_calls_without_a_list_of_changes(untrue, 3).await;
    let log = world.log();
    assert!(log.contains("does not lead to the commit's tree"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_is_exact_with_anything_in_the_list_of_changes() {
    let (world, repository, first) = built_once().await;
    let mutated = Rule::new(Action::Mutate).chance(1.0, 3);
    let mutated = world.fault(mutated.operation("GetDifferences"));
    let mut old = first;
    for number in 0..30 {
        let content = format!("{number}");
        let changed = project(&[("docs/1/5", &content), ("top", &content)]);
        let new = commit(&repository, &changed);
        update(&world, &repository, &new, &old).await;
        old = new;
    }
    assert!(world.fired(mutated) > 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_changes_than_one_answer_lists_are_found_in_the_folders() {
    let (world, repository, first) = built_once().await;
    let new: Vec<_> = (0..150).map(|number| format!("new/{number}")).collect();
    let mut changed: Vec<_> = new.iter().map(|path| (path.as_str(), "the same")).collect();
    changed.push(("docs/1/5", "changed"));
    let second = commit(&repository, &project(&changed));
    update(&world, &repository, &second, &first).await;
    // The root and `new`; the first answer told all of `docs`.
    assert_calls(&world, [("GetDifferences", 1), ("GetFolder", 2)]);
    let log = world.log();
    assert!(!log.contains("does not lead to"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_branch_is_told_what_changed_since_the_newest_bundle() {
    let (world, repository, _) = built_once().await;
    let second = commit(&repository, &project(&[("docs/1/5", "changed")]));
    world.push("shop", "feature/new", &second).await;
    world.assert_built(&repository, &second);
    assert_calls(
        &world,
        [("GetDifferences", 1), ("GetFile", 1), ("GetFolder", 0)],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_branch_whose_tree_a_bundle_holds_fetches_nothing() {
    let (world, repository, first) = built_once().await;
    world.push("shop", "feature/same", &first).await;
    world.assert_built(&repository, &first);
    let same_tree = repository.commit_tree(&format!("{first}^{{tree}}"));
    world.push("shop", "feature/again", &same_tree).await;
    world.assert_built(&repository, &same_tree);
    assert_calls(&world, [("GetFile", 0), ("GetBlob", 0), ("GetFolder", 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_folder_and_a_copied_file_are_not_fetched() {
    let (world, repository, first) = built_once().await;
    let mut files = project(&[]);
    for (path, _, _) in &mut files {
        *path = path.replace("docs/3/", "elsewhere/deep/");
    }
    let copy = files[20].2.clone();
    files.push(("copy".to_owned(), Mode::Executable, copy.clone()));
    files.push(("target".to_owned(), Mode::Link, copy));
    files.push(("as-file".to_owned(), Mode::File, b"docs/0/3".to_vec()));
    let second = commit(&repository, &files);
    update(&world, &repository, &second, &first).await;
    assert_calls(&world, [("GetFile", 0), ("GetBlob", 0), ("GetFolder", 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_repositorys_bundle_is_no_base() {
    let (world, repository, first) = built_once().await;
    world.serve("shop2", &repository);
    world.push("shop2", "main", &first).await;
    world.assert_built(&repository, &first);
    assert_calls(&world, [("GetFolder", 9)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_base_is_replaced_by_the_newest_bundle_of_the_repository() {
    let (world, repository, _) = built_once().await;
    let unknown = "1".repeat(40);
    let second = commit(&repository, &project(&[("docs/1/5", "changed")]));
    update(&world, &repository, &second, &unknown).await;
    assert_calls(&world, [("ListObjectsV2", 1), ("GetFile", 1)]);
}
