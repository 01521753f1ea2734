//! What does not succeed goes to the dead-letter queue and holds nobody up.

use crate::setup::prelude::*;

/// Deliveries enough that one that costs a back-off would show.
async fn world() -> World {
    World::with(|deploy| deploy.max_receive_count = 5).await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_never_succeed_hold_up_nobody_behind_them() {
    let world = world().await;
    let (repository, commit) = Repository::small();
    world.serve("shop", &repository);
    let begun = world.aws.clock.now();
    // In the group of the pushes behind them: not an event, and of a repository that is gone.
    world.send_body("Read me, I am no event", "shop");
    let gone = RepositoryEvent::created("gone", "refs/heads/x", &"0123456789".repeat(4));
    world.send_body(&gone.json(), "shop");
    // And a commit that has to be refused, on a branch that the next push mends.
    let refused = repository.commit("main", [("a\\..\\..\\b", FILE, "a")]);
    let mut events = world.send_all("shop", "main", &[refused, commit.clone()]);
    let rejected = events.remove(0);
    events.extend(["x", "y"].map(|branch| world.send("shop", branch, &commit, None)));
    let all_built = |world: &World| world.builds().len() == 3;
    world.until("three builds", all_built).await;
    // One back-off at most, where they were not in the batch of the refused one.
    assert!(world.passed(begun) <= Duration::from_mins(1));
    world.settle().await;
    for event in &events {
        world.assert_built_once(event, &repository, &commit);
    }
    assert!(world.builds_of(&rejected).is_empty());
    assert_eq!(world.dead_letters(), 3);
    // Each failure says its class and what to do.
    for line in world.outcomes("failed") {
        let is_gone = line["repository"] == "gone";
        let class = if is_gone { "refused_by_aws" } else { "reject" };
        assert_eq!(line["class"], class, "{line}");
        assert!(!line["advice"].as_str().unwrap().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_is_retried_for_ever_holds_up_its_group_for_its_back_offs_at_most() {
    let world = world().await;
    let (repository, commit) = Repository::small();
    world.serve("shop", &repository);
    world.serve("unlucky", &repository);
    // Another repository in the same group, so that its builds alone fail.
    let cannot = exception("SomethingNewException", "Nobody knows this");
    world.fault(cannot.on(Service::CodeBuild).about("unlucky"));
    let begun = world.aws.clock.now();
    let event = RepositoryEvent::created("unlucky", "refs/heads/x", &commit);
    world.send_body(&event.json(), "shop");
    let behind = world.send("shop", "main", &commit, None);
    let built = |world: &World| !world.builds_of(&behind).is_empty();
    world.until("the build behind it", built).await;
    world.assert_built_once(&behind, &repository, &commit);
    // Where it was not in the same batch, it waited for one back-off.
    assert!(world.passed(begun) <= Duration::from_secs(15));
    world.settle().await;
    assert_eq!(world.dead_letters(), 1);
    // Back-offs of 15, 30, 60, 120 and 240 seconds, and never the queue's own timeout.
    assert_eq!(world.passed(begun), Duration::from_secs(465));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_change_of_visibility_changes_nothing_else() {
    let world = World::start().await;
    let (repository, commit) = Repository::small();
    world.serve("shop", &repository);
    let visibility = world.fault(denied("ChangeMessageVisibilityBatch"));
    // The SDK does not try again what it does not know.
    let unknown = exception("SomethingNewException", "Nobody knows this");
    let outage = world.fault(unknown.operation("GetCommit"));
    let event = world.send("shop", "main", &commit, None);
    let one = |world: &World| !world.batches().is_empty();
    world.until("the first answer", one).await;
    assert_eq!(world.batches()[0].kept.len(), 1);
    world.end_fault(outage);
    world.settle().await;
    world.assert_built_once(&event, &repository, &commit);
    assert!(world.fired(visibility) > 0);
    let said = "come back after the queue's visibility timeout instead";
    assert!(world.log().contains(said), "{}", world.log());
}
