//! Each fault by itself, on three calls in ten: every push has one build of exactly its commit, and
//! the number of calls stays within bounds.

use crate::setup::prelude::*;
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

/// A small tree, whose contents are no other's.
fn small(seed: usize) -> (Repository, String) {
    let content = |name: &str| format!("{name} of {seed}").into_bytes();
    Repository::of(&[
        (b"README.md", Mode::File, &content("readme")),
        (b"bin/run", Mode::Executable, &content("run")),
        (b"docs/readme", Mode::Link, &content("link")),
        (b"src/a", Mode::File, &content("a")),
        (b"src/b", Mode::File, &content("b")),
    ])
}

/// A tree whose bundle is uploaded in parts.
fn large(seed: usize) -> (Repository, String) {
    Repository::of_noise(seed as u64, 4, 4_800_000, |n| format!("{n}"))
}

/// Puts every operation that `on` names under the fault, for pushes whose first delivery fails at
/// the very end, so that the calls of a redelivery come about, too.
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
    // A large bundle is needed where its upload is to go wrong.
    let large_ones = usize::from(on(Service::S3, "UploadPart"));
    let mut pushes = Vec::new();
    for n in 0..PUSHES + large_ones {
        let repository = format!("shop-{n}");
        let (git, commit) = if n < PUSHES { small(n) } else { large(n) };
        world.serve(&repository, &git);
        world.fault(full_build_queue().about(&repository).times(1));
        let event = world.send(&repository, "main", &commit, None);
        pushes.push((event, git, commit));
    }
    world.settle().await;
    let mut fired = 0;
    for (operation, rule) in rules {
        let firings = world.aws.faults().fired(rule).unwrap();
        // Entries are dropped and garbled in one folder of two.
        assert!(
            firings.fired > 0 || firings.seen < 2 * PUSHES as u64,
            "{name} never came about on {operation}: {firings:?}"
        );
        fired += firings.fired;
    }
    assert!(fired > 1, "{name} came about {fired} times");
    for (event, repository, commit) in &pushes {
        let builds = world.builds_of(event);
        assert_eq!(builds.len(), 1, "builds of {event}\n{}", world.log());
        assert_eq!(builds[0].variable("COMMIT_ID"), Some(commit.as_str()));
        if of_listings(&action) && builds[0].source_type == "CODECOMMIT" {
            // Wrong every time it was asked for: CodeBuild clones the very commit.
            continue;
        }
        let bundle = entries_of(&world.bundle_of(&builds[0]));
        assert_eq!(bundle, entries_in_git(repository.path(), commit));
    }
    assert_eq!(world.builds().len(), pushes.len());
    assert_eq!(world.dead_letters(), 0);
    world.batches();
    // Without faults a push takes 15 calls, its redelivery included.
    let calls = world.aws.calls().list().len();
    assert!(calls <= 100 * pushes.len(), "{calls} calls");
}

fn everywhere(_: Service, _: &str) -> bool {
    true
}

/// Faults that only hashes can tell.
fn of_listings(action: &Action) -> bool {
    matches!(action, Action::DropEntry { .. } | Action::GarbleName { .. })
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
    stalled: Action::Stall { after_bytes: 10, ms: 300 }, but_uploads;
    truncated: Action::Truncate { after_bytes: None }, everywhere;
    cut_json: Action::WrongJson(WrongJson::Cut), but_uploads;
    garbage: Action::WrongJson(WrongJson::Garbage), but_uploads;
    empty_json: Action::WrongJson(WrongJson::EmptyObject), but_uploads;
    flipped_bits: Action::FlipBit, |_, operation| operation == "GetFile" || operation == "GetBlob";
    dropped_entries: Action::DropEntry { name: "a".to_owned() }, |_, operation| operation == "GetFolder";
    garbled_names: Action::GarbleName { name: "a".to_owned() }, |_, operation| operation == "GetFolder";
}
