//! An answer of CodeCommit that is not the pushed tree never becomes a bundle.

use crate::setup::prelude::*;

/// The world after a push of a few files under a fault of CodeCommit's.
async fn pushed_under(rule: Rule) -> (World, Repository, String) {
    let world = World::with_env(&[("UNBUNDLABLE", "reject")]).await;
    let shop = Repository::of(&[
        (b"README.md", Mode::File, b"# Shop\n"),
        (b"src/main.rs", Mode::File, b"fn main() {}\n"),
        (b"src/lib/mod.rs", Mode::File, b"\n"),
        (b"src/link", Mode::Link, b"main.rs"),
    ]);
    world.fault(rule.on(Service::CodeCommit));
    world.push_shop(&shop).await;
    (world, shop.0, shop.1)
}

/// No object, no build, and a failure that names the place.
async fn assert_refused(rule: Rule, place: &str) {
    let (world, ..) = pushed_under(rule).await;
    assert_eq!(world.bundles(), Vec::<String>::new());
    assert!(world.builds().is_empty(), "{:#?}", world.builds());
    assert_eq!(world.dead_letters(), 1);
    for failure in world.outcomes("failed") {
        assert!(failure["error"].to_string().contains(place), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_without_one_file_is_noticed() {
    assert_refused(listing_without("main.rs"), "`src`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_without_one_folder_is_noticed() {
    assert_refused(listing_without("lib"), "`src`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_without_one_link_is_noticed() {
    assert_refused(listing_without("link"), "`src`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_root_without_one_entry_is_noticed() {
    assert_refused(listing_without("README.md"), "folder ``").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_garbled_name_is_noticed() {
    let name = "main.rs".to_owned();
    let garbled = Rule::new(Action::GarbleName { name });
    assert_refused(garbled.operation("GetFolder"), "`src`").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flipped_bit_of_a_file_is_noticed() {
    let flipped = flipped_bit("GetFile").about("src/main.rs");
    assert_refused(flipped, "src/main.rs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_flipped_bit_of_a_link_is_noticed() {
    assert_refused(flipped_bit("GetBlob"), "src/link").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_wrong_once_is_asked_for_again() {
    let flipped = flipped_bit("GetFile").about("src/main.rs");
    for rule in [listing_without("main.rs"), flipped] {
        let (world, repository, commit) = pushed_under(rule.times(1)).await;
        world.assert_built(&repository, &commit);
        assert!(world.outcomes("failed").is_empty());
    }
}
