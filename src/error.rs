//! What can go wrong with a message, and what is done about each.

use gix_hash::ObjectId;

use crate::config::BadProjectName;
use crate::event::BadMessage;

/// Why a message did not end in a build.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    BadMessage(#[from] BadMessage),
    /// CodeBuild can have no project of the name that the configuration gives.
    #[error(transparent)]
    ProjectName(#[from] BadProjectName),
    #[error(transparent)]
    Call(#[from] CallError),
    /// No bundle can hold this commit, though nothing is wrong with the push. CodeBuild clones it
    /// instead; where it may not or cannot, `why` says so too, and the message is rejected.
    #[error("{why}")]
    Unbundlable { commit: ObjectId, why: String },
    /// A tree that was made to do harm, or that is larger than any invocation can handle.
    #[error("the tree of commit {commit} is refused: {why}")]
    Refused {
        commit: ObjectId,
        /// Which rule it breaks, and where.
        why: String,
    },
    /// CodeCommit's answer lacks what its API documents, contradicts it, or is not the object that
    /// was asked for.
    #[error("{operation} gave an invalid answer: {what}")]
    BadAnswer {
        operation: &'static str,
        what: String,
    },
    #[error("out of time: {0}")]
    OutOfTime(&'static str),
    #[error("the invocation ended before the push was begun")]
    NotBegun,
    /// An earlier push of the same reference failed, and this one must not overtake it.
    #[error("an earlier push of the same reference failed and comes first")]
    BehindFailure,
    /// A defect of pushbuild itself.
    #[error("a defect in pushbuild: {0}")]
    Panicked(String),
}

#[derive(Clone, Debug, thiserror::Error)]
#[error("{call} of {about} failed: {}{message}", .code.as_ref().map_or_else(String::new, |code| format!("{code}: ")))]
pub struct CallError {
    /// Service and operation, as in `CodeCommit GetFolder`.
    pub call: &'static str,
    /// What it was called for: a path, a key, a project.
    pub about: String,
    pub cause: Cause,
    /// The service's error code, if it gave one.
    pub code: Option<String>,
    /// The service's or the network's own words.
    pub message: String,
    /// AWS's id of the request, for a support case.
    pub request_id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Throttled,
    /// CodeBuild's queue is full, or as many builds of the project run as it allows.
    LimitReached,
    /// The service or the network failed.
    Unavailable,
    TooLarge,
    /// The commit is not there: just pushed and not yet seen everywhere, or gone for good.
    NoSuchCommit,
    /// A repository, project, bucket or role that does not exist.
    DoesNotExist,
    Denied,
    Invalid,
    Unknown,
}

#[cfg(test)]
impl CallError {
    pub(crate) fn sample(cause: Cause) -> Self {
        Self {
            call: "S3 PutObject",
            about: "b/k".to_owned(),
            cause,
            code: None,
            message: "a test's reason".to_owned(),
            request_id: None,
        }
    }
}

/// What is done with a message that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Time may mend it: it comes back after a back-off.
    Retry,
    /// A person has to mend it, or a permission is still spreading (IAM takes up to a minute): it
    /// comes back after a long back-off.
    RefusedByAws,
    /// It can never succeed: it comes back at once, and so reaches the dead-letter queue without
    /// holding up its reference.
    Reject,
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::RefusedByAws => "refused_by_aws",
            Self::Reject => "reject",
        }
    }
}

impl Error {
    /// What is done with the message, and what the person who reads the log can do about it. An
    /// unknown failure is retried: the queue bounds the retries.
    pub fn class_and_advice(&self) -> (Class, &'static str) {
        use Class::{RefusedByAws, Reject, Retry};
        match self {
            Self::BadMessage(_) => (Reject, "see who else sends to the queue"),
            Self::ProjectName(_) => (
                Reject,
                "set CODEBUILD_PROJECT (parameter BuildProject) to a name such as `ci-{repository}`",
            ),
            Self::Unbundlable { .. } => (Reject, "push again without what cannot be bundled"),
            Self::Refused { .. } => (Reject, "look at the commit and at who pushed it"),
            Self::BadAnswer { .. } => (Retry, "if it recurs, show AWS Support this line"),
            Self::OutOfTime(_) => (Retry, "if it recurs, raise the timeout or the memory"),
            Self::NotBegun => (Retry, "if it recurs, raise the timeout or concurrency"),
            Self::BehindFailure => (Retry, "see the failure before it"),
            Self::Panicked(_) => (Retry, "report it with this line"),
            Self::Call(call) => match call.cause {
                Cause::Throttled => (Retry, "lower the concurrency or ask for a higher rate"),
                Cause::LimitReached => (Retry, "wait, or ask AWS for more concurrent builds"),
                Cause::Unavailable | Cause::Unknown => (Retry, "it is tried again"),
                Cause::TooLarge => (Retry, "keep files of more than 6 MB out"),
                Cause::NoSuchCommit => (Retry, "see whether the commit still exists"),
                Cause::DoesNotExist => (RefusedByAws, "create what is missing, then redrive"),
                Cause::Denied => (RefusedByAws, "grant the permission, then redrive"),
                Cause::Invalid => (RefusedByAws, "correct the configuration, then redrive"),
            },
        }
    }

    pub fn class(&self) -> Class {
        self.class_and_advice().0
    }

    /// Service and operation of the call that failed, where one did.
    pub fn failed_call(&self) -> Option<&'static str> {
        match self {
            Self::Call(call) => Some(call.call),
            Self::BadAnswer { operation, .. } => Some(operation),
            _ => None,
        }
    }

    /// AWS's id of the request that failed, where there was one.
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Call(call) => call.request_id.as_deref(),
            _ => None,
        }
    }
}
