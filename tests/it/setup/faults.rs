//! Short forms for faults that many tests need.

use pushbuild_local::faults::{Action, Rule};

/// An exception of a service.
pub fn exception(code: &str, message: &str) -> Rule {
    refusal(code, 400, message)
}

/// S3 or SQS refuses an operation, as the role does not allow it.
pub fn denied(operation: &str) -> Rule {
    let message = format!("not authorized to perform: {operation}");
    refusal("AccessDenied", 403, &message).operation(operation)
}

fn refusal(code: &str, status: u16, message: &str) -> Rule {
    Rule::new(Action::Exception {
        code: code.to_owned(),
        status,
        message: message.to_owned(),
    })
}

/// StartBuild refuses, since too many builds wait.
pub fn full_build_queue() -> Rule {
    let message = "Cannot have more than 300 builds in queue for the account";
    exception("AccountLimitExceededException", message).operation("StartBuild")
}

pub fn server_error(status: u16) -> Rule {
    Rule::new(Action::ServerError { status })
}

/// Every answer comes so many real milliseconds later.
pub fn latency(ms: u64) -> Rule {
    Rule::new(Action::Latency { ms, jitter_ms: 0 })
}

/// A listing that lacks an entry.
pub fn listing_without(name: &str) -> Rule {
    let name = name.to_owned();
    Rule::new(Action::DropEntry { name }).operation("GetFolder")
}

pub fn flipped_bit(operation: &str) -> Rule {
    Rule::new(Action::FlipBit).operation(operation)
}
