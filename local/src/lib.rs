//! AWS on this machine, as far as pushbuild needs it: real HTTP on loopback, good enough that the
//! AWS SDKs of any language work against it.

pub mod aws;
pub mod calls;
pub mod cli;
pub mod clock;
pub mod codebuild;
pub mod codecommit;
pub mod error;
pub mod events;
pub mod faults;
pub mod lambda;
pub mod s3;
pub mod sqs;
pub mod sts;
pub mod tls;
pub mod wire;
