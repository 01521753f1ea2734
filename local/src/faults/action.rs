//! What can go wrong with a call.

use serde::Deserialize;

/// One fault. Latency adds up over the rules that apply to a call; of the others, the first that
/// ends the call decides.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case",
    deny_unknown_fields
)]
pub enum Action {
    Latency {
        ms: u64,
        /// Up to so many more, evenly spread.
        jitter_ms: u64,
    },
    /// "Rate exceeded", without reaching the service.
    Throttle { shape: Shape },
    /// Calls above this rate are throttled (a token bucket of one second's calls, in real time).
    RateCap { per_second: f64, shape: Shape },
    /// A failure of the service itself, without having done anything.
    ServerError { status: u16 },
    /// An exception of the service, without having done anything.
    Exception {
        /// Its name, for instance `AccountLimitExceededException`.
        code: String,
        #[serde(default = "bad_request")]
        status: u16,
        message: String,
    },
    /// The connection is reset and the service never hears of the call.
    ResetBefore,
    /// The call takes effect, and the connection is reset instead of an answer.
    ResetAfter,
    /// Headers and a part of the body come, then nothing more.
    Stall {
        /// Bytes of the body that still come.
        after_bytes: usize,
        /// Silence in real milliseconds before the connection closes.
        ms: u64,
    },
    /// The connection closes after half of the body that was announced.
    Truncate,
    /// An answer with status 200 that is not what the API answers.
    WrongJson(WrongJson),
    /// A JSON answer with one value in it, anywhere, replaced by another or gone.
    Mutate,
    /// A GetFolder answer without one of its files, folders, links or submodules, or a
    /// GetDifferences answer without one of its differences.
    DropEntry {
        /// The entry's `relativePath`, or the difference's `path`.
        name: String,
    },
    /// A GetFolder answer in which one entry's name is another.
    GarbleName {
        /// The entry's `relativePath`.
        name: String,
    },
    /// One entry of SendMessageBatch fails with InternalError, in an answer with status 200.
    FailEntry {
        /// Its place in the batch, from 1. A smaller batch does not fail.
        entry: usize,
    },
    /// File contents (GetFile, GetBlob, S3's GetObject) with one bit changed in the middle.
    FlipBit,
    /// SIGKILL for the function that calls; the service never hears of the call.
    KillBefore,
    /// The call takes effect; then SIGKILL for the function that called, before it has the answer.
    KillAfter,
}

impl Action {
    pub(crate) fn kills(&self) -> bool {
        matches!(self, Self::KillBefore | Self::KillAfter)
    }

    /// Whether it settles the call's outcome, so that no later fault applies.
    pub(crate) fn ends_call(&self) -> bool {
        !matches!(self, Self::Latency { .. }) && !self.changes_answer()
    }

    /// Whether it changes what a successful answer says. It has fired only where it found that.
    pub(crate) fn changes_answer(&self) -> bool {
        matches!(
            self,
            Self::Mutate
                | Self::DropEntry { .. }
                | Self::FailEntry { .. }
                | Self::GarbleName { .. }
                | Self::FlipBit
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// Status 400 with an XML body and no content type, as CodeCommit has been seen to do it on
    /// its JSON API (terraform-provider-aws#7075, boto3#3663).
    Xml,
    /// Status 400 and `ThrottlingException`, in the service's own protocol.
    Json,
    /// Status 429 and `TooManyRequestsException`, in the service's own protocol.
    TooManyRequests,
    /// S3's status 503 and `SlowDown`.
    SlowDown,
}

/// Answers with status 200 that no parser should accept, or that say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WrongJson {
    /// The right answer's first half, announced as all of it.
    Cut,
    /// A proxy's HTML page.
    Garbage,
    EmptyObject,
}

fn bad_request() -> u16 {
    400
}
