//! What `try` shows while the function works: the calls that reach the local AWS, as they happen.

use std::fmt::Write as _;
use std::time::Duration;

use crate::calls::{Call, CallLog, Service};

/// How many calls were looked at, and how many of them fetched a part of a tree.
#[derive(Default)]
pub struct Progress {
    seen: usize,
    fetched: u64,
}

impl Progress {
    /// Shows the calls since the last time, of those that fetch a tree the first and each 500th.
    pub fn show(&mut self, calls: &CallLog) {
        for call in calls.since(self.seen) {
            self.seen += 1;
            if call.service != Service::CodeCommit || !call.succeeded() {
                if let Some(line) = line_of(&call) {
                    println!("{line}");
                }
                continue;
            }
            self.fetched += 1;
            if self.fetched == 1 || self.fetched.is_multiple_of(500) {
                println!("  fetching   call {}", self.fetched);
            }
        }
    }
}

fn line_of(call: &Call) -> Option<String> {
    // A missing bundle is an answer like any other.
    let may_be_missing = matches!(call.operation.as_str(), "HeadObject" | "GetObject");
    let word = match (call.service, call.operation.as_str()) {
        _ if !call.succeeded() && !may_be_missing => "failed",
        (Service::S3, "PutObject" | "CompleteMultipartUpload") => "stored",
        (Service::S3, "UploadPart") => "uploading",
        (Service::CodeBuild, "StartBuild") => "building",
        (Service::Sts, "AssumeRole") => "assumed",
        (Service::Sqs, "ChangeMessageVisibilityBatch") => "postponed",
        _ => return None,
    };
    let mut line = format!("  {word:<10} {}", call.detail);
    if let Some(error) = &call.error {
        let _ = write!(line, " ({} {error})", call.operation);
    }
    if call.duration > Duration::from_millis(100) {
        let _ = write!(line, " in {} ms", call.duration.as_millis());
    }
    Some(line)
}
