//! AWS on this machine, as far as pushbuild needs it: real HTTP on loopback, good enough that the
//! AWS SDKs of any language work against it.

pub mod cbor;
pub mod clock;
pub mod codebuild;
pub mod error;
pub mod sqs;
pub mod sts;
