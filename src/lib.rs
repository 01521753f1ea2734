//! Every push to AWS CodeCommit, on any branch, gets its own CodeBuild build.
//!
//! EventBridge puts each push into an SQS FIFO queue. The handler `intake` forwards it to a second
//! one, in the message group of its reference. The handler `publish` bundles the commit, stores the
//! bundle in S3 and starts the build. Imports go down this list, never up:
//!
//! - `handler`: the two Lambda handlers; [`run`] is all that `main` calls.
//! - `log`: the format and the level of the log.
//! - `report`: the one line in the log that each message leaves, its metrics included.
//! - `intake`: pushes to message groups, in order.
//! - `batch`: the pushes of one invocation, a lane for each reference; when a failed one comes back.
//! - `publish`: one push, from its message to its build. It uses
//!   - `blobs`: the contents, each fetched once, verified and compressed;
//!   - `tree`: the walk, from a commit to every entry, each folder verified;
//!   - `base`: earlier bundles, and what can be taken over from them;
//!   - [`bundle`]: entries to the bytes of a zip, and such bytes to entries again;
//!   - `keys`: where bundles are in the bucket.
//! - [`aws`]: the only files that name the SDK's types.
//! - `memory`: how much memory contents and trees may take.
//! - `error`: what can go wrong, and what is done with the message then.
//! - [`config`]: the environment, read once; `selection`: which pushes are built.
//! - `event`: a message's body becomes a push, or the reason why there is nothing to build.
//! - [`git`]: what a tree and a blob are, and how their ids are computed.
//!
//! `documents` reads tables of the documentation, for tests.

pub mod aws;
mod base;
mod batch;
mod blobs;
pub mod bundle;
pub mod config;
#[cfg(test)]
mod documents;
mod error;
mod event;
pub mod git;
mod handler;
mod intake;
mod keys;
mod log;
mod memory;
mod publish;
mod report;
mod selection;
mod tree;

pub use handler::{RunError, run};
