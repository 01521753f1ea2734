//! An answer of CodeCommit that is not the pushed tree never becomes a bundle.

use crate::setup::prelude::*;

/// The world after a push of a few files under a fault of CodeCommit's.
async fn pushed_under(rule: Rule) -> (World, Repository, String) {
    let world = World::with_env(&[("UNBUNDLABLE", "reject")]).await;
    let shop = Repository::of([
        ("README.md", FILE, "# Shop\n"),
        ("src/main.rs", FILE, "fn main() {}\n"),
        ("src/lib/mod.rs", FILE, "\n"),
        ("src/link", LINK, "main.rs"),
    ]);
    world.fault(rule.on(Service::CodeCommit));
    world.push_shop(&shop).await;
    (world, shop.0, shop.1)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_entry_a_garbled_name_and_a_flipped_bit_end_in_a_failure_that_names_the_place() {
    let name = "main.rs".to_owned();
    let garbled = Rule::new(Action::GarbleName { name }).operation("GetFolder");
    for (rule, place) in [
        (listing_without("main.rs"), "`src`"),
        (listing_without("lib"), "`src`"),
        (listing_without("link"), "`src`"),
        (listing_without("README.md"), "folder ``"),
        (garbled, "`src`"),
        (flipped_bit("GetFile").about("src/main.rs"), "src/main.rs"),
        (flipped_bit("GetBlob"), "src/link"),
    ] {
        let (world, ..) = pushed_under(rule).await;
        assert!(world.bundles().is_empty(), "{:?}", world.bundles());
        assert!(world.builds().is_empty(), "{:#?}", world.builds());
        assert_eq!(world.dead_letters(), 1);
        for failure in world.outcomes("failed") {
            assert!(failure["error"].to_string().contains(place), "{failure}");
        }
    }
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
