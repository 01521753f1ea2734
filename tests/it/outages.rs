//! AWS refuses everything for a while: pushes come back when it is over, in order, or lie in the
//! dead-letter queue for a redrive.

use crate::setup::history::History;
use crate::setup::prelude::*;

async fn world(max_receive_count: u32) -> World {
    World::with(|deploy| {
        deploy.timeout = Duration::from_secs(4);
        deploy.max_receive_count = max_receive_count;
    })
    .await
}

async fn ends_after_two_invocations(service: Service) {
    let world = world(20).await;
    let mut history = History::of_one_branch(3);
    let outage = world.fault(server_error(503).on(service));
    history.send(&world);
    let two = |world: &World| world.batches().len() >= 2;
    world.until("two invocations", two).await;
    assert!(world.builds().is_empty());
    world.end_fault(outage);
    world.settle().await;
    history.assert_kept(&world);
    // An outage keeps no invocation from ending with an answer.
    world.batches();
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_outage_pushes_are_built_in_order() {
    tokio::join!(
        ends_after_two_invocations(Service::CodeCommit),
        ends_after_two_invocations(Service::S3),
        ends_after_two_invocations(Service::CodeBuild),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_outage_outlasts_is_a_dead_letter_and_a_redrive_builds_it() {
    let world = world(2).await;
    let mut history = History::of_one_branch(3);
    let outage = world.fault(server_error(503).on(Service::CodeCommit));
    history.send(&world);
    world.settle().await;
    assert_eq!(world.dead_letters(), 3);
    assert!(world.builds().is_empty());
    // The reason is in the log, for each.
    world.assert_failed("retry", "");
    let failures = world.outcomes("failed");
    for push in &history.pushes {
        let mut failures = failures.iter();
        assert!(failures.any(|line| line["event_id"] == push.event.as_str()));
    }

    world.end_fault(outage);
    assert_eq!(world.redrive(), 3);
    world.settle().await;
    history.assert_kept(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_in_which_nothing_answers_does_not_use_up_deliveries_one_upon_the_other() {
    let world = world(2).await;
    let (repository, commit) = Repository::small();
    world.serve("shop", &repository);
    world.fault(latency(60_000).on(Service::CodeCommit));
    world.send("shop", "main", &commit, None);
    let one = |world: &World| world.batches().len() == 1;
    world.until("an answer", one).await;
    let messages = world.aws.sqs.messages(world.deployment.publish.queue_url());
    assert_eq!(messages[0].receive_count, 1);
    let again = messages[0].invisible_until.expect("it waits for its turn");
    let waits = again.duration_since(world.aws.clock.now()).unwrap();
    assert_eq!(waits, Duration::from_secs(15));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_build_queue_loses_no_push_and_fetches_no_bundle_twice() {
    for max_receive_count in [2, 4] {
        let world = World::with(|deploy| deploy.max_receive_count = max_receive_count).await;
        world.fault(full_build_queue().until(Duration::from_mins(10)));
        let mut history = History::of_new("shop", 6, 2);
        history.send(&world);
        world.settle().await;
        history.assert_kept(&world);
        assert_eq!(world.calls(Service::CodeCommit, "GetFile"), 6);
        assert_eq!(world.calls(Service::CodeCommit, "GetBlob"), 6);
    }
}
