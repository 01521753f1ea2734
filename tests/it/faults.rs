//! Each fault by itself, on three calls in ten: every push has one build of exactly its commit, and
//! the number of calls stays within bounds.

use crate::setup::history::History;
use crate::setup::prelude::*;
use crate::setup::verdict::Verdict;
use pushbuild_local::faults::{Shape, WrongJson};

/// What the function calls for a push whose first delivery gets as far as StartBuild.
const OPERATIONS: [(Service, &str); 14] = [
    (Service::CodeCommit, "GetCommit"),
    (Service::CodeCommit, "GetFolder"),
    (Service::CodeCommit, "GetFile"),
    (Service::CodeCommit, "GetBlob"),
    (Service::S3, "PutObject"),
    (Service::S3, "HeadObject"),
    (Service::S3, "CreateMultipartUpload"),
    (Service::S3, "UploadPart"),
    (Service::S3, "CompleteMultipartUpload"),
    (Service::CodeBuild, "StartBuild"),
    (Service::CodeBuild, "ListBuildsForProject"),
    (Service::CodeBuild, "BatchGetBuilds"),
    (Service::Sqs, "GetQueueUrl"),
    (Service::Sqs, "ChangeMessageVisibilityBatch"),
];

/// Small pushes under each fault.
const PUSHES: usize = 8;

/// Applies the fault to every operation that `on` names, for pushes whose first delivery fails at
/// the very end, so that the calls of a redelivery are made, too.
async fn with_fault(name: &str, action: Action, on: impl Fn(Service, &str) -> bool) {
    let world = World::with(|deploy| {
        // Where answers are wrong, three asked one after the other may all be.
        deploy.max_receive_count = 100;
        deploy.timeout = Duration::from_secs(10);
    })
    .await;
    let mut rules = Vec::new();
    for (seed, (service, operation)) in OPERATIONS.into_iter().enumerate() {
        if on(service, operation) {
            let rule = Rule::new(action.clone()).on(service).operation(operation);
            rules.push((operation, world.fault(rule.chance(0.3, seed as u64))));
        }
    }
    let mut history = History::of_new("shop", PUSHES, 5);
    // A bundle that is uploaded in parts, where its upload is to go wrong.
    if on(Service::S3, "UploadPart") {
        let large = Repository::of_noise(4, 4_800_000, |n| format!("{n}"));
        history.add("large", large);
    }
    // Fails at the very end of each first delivery.
    for (name, _) in &history.repositories {
        world.fault(full_build_queue().about(name).times(1));
    }
    history.send(&world);
    world.settle().await;
    let mut fired = 0;
    for (operation, rule) in rules {
        let firings = world.aws.faults.fired(rule).unwrap();
        // Entries are dropped and garbled in one folder of two.
        assert!(
            firings.fired > 0 || firings.seen < 2 * PUSHES as u64,
            "{name} was never applied to {operation}: {firings:?}"
        );
        fired += firings.fired;
    }
    assert!(fired > 1, "{name} was applied {fired} times");
    let mut verdict = Verdict::of(&history, &world);
    if matches!(action, Action::DropEntry { .. } | Action::GarbleName { .. }) {
        // The listing is wrong each time, which only hashes can tell: CodeBuild clones the commit.
        verdict.unbundled = 0;
    }
    assert_eq!(verdict, Verdict::default(), "{}", world.log());
    world.batches();
    // Without faults a push takes 15 calls, its redelivery included.
    let calls = world.aws.calls.list().len();
    assert!(calls <= 100 * history.pushes.len(), "{calls} calls");
}

fn everywhere(_: Service, _: &str) -> bool {
    true
}

/// Without the calls of a large bundle, which takes its time.
fn but_uploads(_: Service, operation: &str) -> bool {
    !operation.contains("Upload")
}

fn of_codecommit(service: Service, _: &str) -> bool {
    service == Service::CodeCommit
}

/// Each test is one fault.
macro_rules! faults {
    ($($name:ident: $action:expr, $on:expr;)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                with_fault(stringify!($name), $action, $on).await;
            }
        )*
    };
}

faults! {
    latency: Action::Latency { ms: 20, jitter_ms: 80 }, but_uploads;
    throttled_in_xml: Action::Throttle { shape: Shape::Xml }, of_codecommit;
    throttled_in_json: Action::Throttle { shape: Shape::Json }, but_uploads;
    throttled_with_429: Action::Throttle { shape: Shape::TooManyRequests }, of_codecommit;
    slowed_down_by_s3: Action::Throttle { shape: Shape::SlowDown }, |service, _| service == Service::S3;
    unavailable: Action::ServerError { status: 503 }, but_uploads;
    reset_before_it_took_effect: Action::ResetBefore, but_uploads;
    reset_after_it_took_effect: Action::ResetAfter, everywhere;
    stalled: Action::Stall { after_bytes: 10, ms: 100 }, but_uploads;
    truncated: Action::Truncate, everywhere;
    cut_json: Action::WrongJson(WrongJson::Cut), but_uploads;
    garbage: Action::WrongJson(WrongJson::Garbage), but_uploads;
    empty_json: Action::WrongJson(WrongJson::EmptyObject), but_uploads;
    flipped_bits: Action::FlipBit, |_, operation| operation == "GetFile" || operation == "GetBlob";
    dropped_entries: Action::DropEntry { name: "file 2".to_owned() }, |_, operation| operation == "GetFolder";
    garbled_names: Action::GarbleName { name: "file 2".to_owned() }, |_, operation| operation == "GetFolder";
}
