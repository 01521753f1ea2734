//! AWS on this machine, as far as pushbuild needs it: real HTTP on loopback. `README.md` lists what
//! is served and what is refused.
//!
//! - [`aws`]: all services behind one port, and pushbuild deployed on it
//! - `codecommit`, [`codebuild`], `s3`, `sqs`, `sts`: the services
//! - [`lambda`]: functions as processes, and event source mappings
//! - `wire`, [`calls`], [`faults`]: the port, the list of its calls, and what goes wrong with them
//! - [`clock`], [`events`], [`tls`]: time, CodeCommit's events, and TLS in front of the port
//! - [`cli`]: `cargo local`
#![allow(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "it serves this workspace alone, and a comment that repeats a name helps nobody"
)]

pub mod aws;
pub mod calls;
pub mod cli;
pub mod clock;
pub mod codebuild;
pub(crate) mod codecommit;
pub(crate) mod error;
pub mod events;
pub mod faults;
pub mod lambda;
pub(crate) mod s3;
pub(crate) mod sqs;
pub(crate) mod sts;
pub mod tls;
pub(crate) mod wire;
