//! Several messages at once, through the real event source mapping.

use crate::setup::prelude::*;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_pushes_of_one_branch_the_second_waits_for_the_first() {
    let world = World::with(|options| options.max_receive_count = 5).await;
    let (repository, commits) = Repository::of_history(3);
    world.serve("shop", &repository);
    // More than the SDK's own retries: the first delivery fails.
    world.fault(server_error(500).operation("StartBuild").between(2, 6));
    let first = RepositoryEvent::created("shop", "refs/heads/main", &commits[0]);
    let second = RepositoryEvent::pushed("shop", "refs/heads/main", &commits[1], Some(&commits[0]));
    let bodies = [first, second].map(|event| event.json().to_string());
    let ids = world.send_as_one_batch(&bodies).await;
    world.settle().await;

    let batches = world.batches();
    let failed = batches.iter().find(|batch| !batch.kept.is_empty());
    let failed = failed.expect("the first delivery fails");
    assert_eq!(failed.kept, ids, "both are reported, in their order");
    world.push("shop", "other", &commits[2]).await;
    assert_eq!(world.built("shop"), commits);
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_of_a_new_repository_pushed_at_once_fetch_each_file_once() {
    let world = World::start().await;
    let repository = Repository::empty();
    world.serve("shop", &repository);
    let mut bodies = Vec::new();
    let mut pushes = Vec::new();
    for branch in 0..10 {
        let own = ("own".to_owned(), FILE, format!("branch {branch}\n"));
        let common = (0..20).map(|n| (format!("file-{n}"), FILE, format!("content {n}\n")));
        let name = format!("branch-{branch}");
        let commit = repository.commit(&name, common.chain([own]));
        let event = RepositoryEvent::created("shop", &format!("refs/heads/{name}"), &commit);
        bodies.push(event.json().to_string());
        pushes.push((event.id, commit));
    }
    world.send_as_one_batch(&bodies).await;
    world.settle().await;
    for (event, commit) in &pushes {
        world.assert_built_once(event, &repository, commit);
    }
    let fetched = world.calls(Service::CodeCommit, "GetFile");
    // One of the push that came before, the twenty that all have, and one of each branch.
    assert_eq!(fetched, 1 + 20 + 10, "{}", world.log());
}
