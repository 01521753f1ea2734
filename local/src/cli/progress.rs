//! What `try` shows while the function works: the calls that reach the local AWS, as they happen.

use std::fmt::Write as _;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::calls::{Call, Service};

/// Shows calls until the sender is gone, of those that fetch a tree the first and each 500th.
pub async fn show(mut calls: Receiver<Call>) {
    let mut fetched = 0_u64;
    loop {
        let call = match calls.recv().await {
            Ok(call) => call,
            // What was missed is not shown.
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        if call.service != Service::CodeCommit || !call.succeeded() {
            if let Some(line) = line_of(&call) {
                println!("{line}");
            }
            continue;
        }
        fetched += 1;
        if fetched == 1 || fetched.is_multiple_of(500) {
            println!("  fetching   call {fetched}");
        }
    }
}

fn line_of(call: &Call) -> Option<String> {
    // A missing bundle is an answer like any other.
    let is_asking = matches!(call.operation.as_str(), "HeadObject" | "GetObject");
    let word = match (call.service, call.operation.as_str()) {
        _ if !call.succeeded() && !is_asking => "failed",
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
