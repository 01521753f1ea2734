//! A short soak; `cargo local soak` is the long one.

use pushbuild_local::soak::Soak;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_doubled_out_of_order_or_inexact() {
    let soak = Soak {
        program: env!("CARGO_BIN_EXE_pushbuild").into(),
        args: Vec::new(),
        pushes: 80,
        seed: 1,
    };
    let outcome = soak.run().await.unwrap();
    println!("{}", outcome.describe());
    assert!(outcome.verdict.is_good(), "{outcome:?}");
    assert_eq!(outcome.verdict.dead_letters, 0);
    assert_eq!(outcome.kills, 2);
    assert!(outcome.faults > 40, "{outcome:?}");
}
