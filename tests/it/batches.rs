//! Several messages at once, through the real event source mapping.

use crate::setup::prelude::*;

#[tokio::test(flavor = "multi_thread")]
async fn ten_with_a_bad_one_in_the_middle_are_nine_builds_and_one_failure() {
    let world = World::start().await;
    let (repository, commits) = Repository::of_history(9);
    world.serve("shop", &repository);
    let body = |(number, commit): (usize, &String)| {
        let branch = format!("refs/heads/branch-{number}");
        let event = RepositoryEvent::created("shop", &branch, commit);
        event.json().to_string()
    };
    let mut bodies: Vec<String> = commits.iter().enumerate().map(body).collect();
    bodies.insert(4, "{\"half\": ".to_owned());
    let ids = world.send_as_one_batch(&bodies).await;
    world.settle().await;

    let batches = world.batches();
    let batch = batches.iter().find(|batch| batch.message_ids.len() == 10);
    let batch = batch.expect("all ten came as one batch");
    assert_eq!(batch.kept, [ids[4].clone()]);
    assert_eq!(batch.deleted.len(), 9);
    assert_eq!(world.built("shop").len(), 9);
    let dead = world.deployment.dead_letters();
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].body, bodies[4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_pushes_of_one_branch_the_second_waits_for_the_first() {
    let world = World::with(|options| options.max_receive_count = 5).await;
    let (repository, commits) = Repository::of_history(3);
    world.serve("shop", &repository);
    // More than the SDK's own retries: the first delivery fails.
    world.fault(server_error(500).operation("StartBuild").between(2, 6));
    let first = RepositoryEvent::created("shop", "refs/heads/main", &commits[0]);
    let second = RepositoryEvent::pushed("shop", "refs/heads/main", &commits[1], Some(&commits[0]));
    let bodies = [&first, &second].map(|event| event.json().to_string());
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
    let files: Vec<_> = (0..20)
        .map(|n| (format!("file-{n}"), format!("content {n}\n")))
        .collect();
    world.serve("shop", &repository);
    let mut bodies = Vec::new();
    let mut pushes = Vec::new();
    for branch in 0..10 {
        let own = format!("branch {branch}\n");
        let mut commit: Vec<_> = files
            .iter()
            .map(|(name, content)| (name.as_bytes(), Mode::File, content.as_bytes()))
            .collect();
        commit.push((b"own", Mode::File, own.as_bytes()));
        let name = format!("branch-{branch}");
        let commit = repository.commit(&name, &commit);
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
    // The gate's file, the twenty that all have, and one of each branch.
    assert_eq!(fetched, 1 + 20 + 10, "{}", world.log());
}
