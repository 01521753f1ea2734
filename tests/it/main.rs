//! Behaviour: the function as its template deploys it, on the local AWS, over real HTTP.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "tests have no users, and a panic is how a test fails"
)]

mod setup;

mod answers;
mod base_bundles;
mod batches;
mod cross_account;
mod damaged_bases;
mod exact_bundles;
mod faults;
mod hostile;
mod intake;
mod kills;
mod many_repositories;
mod memory;
mod one_push;
mod outages;
mod poison;
mod progress;
mod rate;
mod refusals;
mod repositories;
mod sample_events;
mod soak;
mod start_up;
mod template;
mod tls;
mod unbundlable;
mod wrong_answers;
