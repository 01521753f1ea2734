//! An answer of CodeCommit that is not the pushed tree never becomes a bundle.

use crate::setup::bundle::assert_exact;
use crate::setup::{Mode, Repository, World};
use pushbuild_local::calls::Service;
use pushbuild_local::faults::{Action, Rule};

const FILES: &[crate::setup::repository::FileOf<'static>] = &[
    (b"README.md", Mode::File, b"# Shop\n"),
    (b"src/main.rs", Mode::File, b"fn main() {}\n"),
    (b"src/lib/mod.rs", Mode::File, b"\n"),
    (b"src/link", Mode::Link, b"main.rs"),
];

async fn world_with(rule: Rule) -> (World, Repository, String) {
    let world = World::with(|options| {
        options
            .env
            .insert("UNBUNDLABLE".to_owned(), "reject".to_owned());
    })
    .await;
    let (repository, commit) = Repository::of(FILES);
    world.serve("shop", &repository);
    world.aws.faults().add(rule);
    world.push("shop", "main", &commit).await;
    (world, repository, commit)
}

/// No object, no build, and a failure that names the place.
fn assert_refused(world: &World, place: &str) {
    assert_eq!(world.bundles(), Vec::<String>::new());
    assert!(world.builds().is_empty(), "{:#?}", world.builds());
    assert_eq!(world.deployment.dead_letters().len(), 1);
    let failures = world.outcomes("failed");
    assert!(!failures.is_empty());
    for failure in failures {
        let error = failure["error"].as_str().unwrap();
        assert!(error.contains(place), "{error}");
    }
}

fn listing_without(name: &str) -> Rule {
    Rule::new(Action::DropEntry {
        name: name.to_owned(),
    })
    .on(Service::CodeCommit)
    .operation("GetFolder")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_without_one_file_is_noticed() {
    let (world, ..) = world_with(listing_without("main.rs")).await;
    assert_refused(&world, "`src`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_without_one_folder_is_noticed() {
    let (world, ..) = world_with(listing_without("lib")).await;
    assert_refused(&world, "`src`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_without_one_link_is_noticed() {
    let (world, ..) = world_with(listing_without("link")).await;
    assert_refused(&world, "`src`");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_without_one_entry_is_noticed() {
    let (world, ..) = world_with(listing_without("README.md")).await;
    assert_refused(&world, "folder ``");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_garbled_name_is_noticed() {
    let rule = Rule::new(Action::GarbleName {
        name: "main.rs".to_owned(),
    })
    .on(Service::CodeCommit)
    .operation("GetFolder");
    let (world, ..) = world_with(rule).await;
    assert_refused(&world, "`src`");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flipped_bit_of_a_file_is_noticed() {
    let rule = Rule::new(Action::FlipBit)
        .on(Service::CodeCommit)
        .operation("GetFile")
        .about("src/main.rs");
    let (world, ..) = world_with(rule).await;
    assert_refused(&world, "src/main.rs");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flipped_bit_of_a_link_is_noticed() {
    let rule = Rule::new(Action::FlipBit)
        .on(Service::CodeCommit)
        .operation("GetBlob");
    let (world, ..) = world_with(rule).await;
    assert_refused(&world, "src/link");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_wrong_once_is_asked_for_again() {
    for rule in [
        listing_without("main.rs").times(1),
        Rule::new(Action::FlipBit)
            .on(Service::CodeCommit)
            .operation("GetFile")
            .about("src/main.rs")
            .times(1),
    ] {
        let (world, repository, commit) = world_with(rule).await;
        assert_exact(&world.bundle_of(&world.build()), repository.path(), &commit);
        assert!(world.outcomes("failed").is_empty());
    }
}
