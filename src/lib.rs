//! Every push to AWS CodeCommit, on any branch, gets its own CodeBuild build.
//!
//! EventBridge puts each push into an SQS FIFO queue, where the handler `intake` gives it its
//! reference's message group and forwards it to a second one, which feeds the handler `publish`. The
//! modules, in reading order:
//!
//! - `handler`: the two Lambda handlers; [`run`] is all that `main` calls.
//! - [`config`]: the environment, read once; `selection`: which pushes are built.
//! - `error`: what can go wrong, and what is done with the message then.
//! - `report`: the one line in the log that each message leaves, its metrics included.
//! - `intake`: pushes to message groups, in order.
//! - `batch`: a batch of messages, sorted into lanes; what failed, and when it comes back.
//! - `event`: one message's body becomes a push, or the reason why there is nothing to build.
//! - `publish`: one push, from the queue's message to its build. It uses
//!   - [`tree`]: the walk, from a commit to every entry, each folder verified;
//!   - `blobs`: the contents, each fetched once, verified and compressed;
//!   - [`base`]: earlier bundles, and what can be taken over from them;
//!   - [`bundle`]: entries to the bytes of a zip, and such bytes to entries again.
//! - `memory`: the budget for large contents in flight.
//! - [`git`]: what a tree and a blob are, and how their ids are computed.
//! - [`aws`]: the only files that name the SDK's types.
//!
//! Imports go down this list, never up.

pub mod aws;
pub mod base;
mod batch;
mod blobs;
pub mod bundle;
pub mod config;
mod error;
mod event;
pub mod git;
mod handler;
mod intake;
mod log;
mod memory;
mod publish;
mod report;
mod selection;
pub mod tree;

pub use handler::{RunError, run};
