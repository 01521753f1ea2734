//! What `try` shows while the function works: the calls that reach the local AWS, as they happen.

use std::fmt::Write as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use crate::calls::{Call, Service};

/// Shows calls until the sender is gone. `expected` counts the calls that fetch the trees.
pub async fn show(mut calls: Receiver<Call>, expected: u64) {
    let bar = ProgressBar::with_draw_target(Some(expected), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("  fetching   {bar:40} {pos}/{len} calls") {
        bar.set_style(style);
    }
    // Events from a file may name commits that were not counted.
    let on_terminal = !bar.is_hidden() || expected == 0;
    let mut fetched = 0_u64;
    loop {
        let call = match calls.recv().await {
            Ok(call) => call,
            // Only the picture lacks what was missed.
            Err(RecvError::Lagged(missed)) => {
                bar.inc(missed);
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        if call.service == Service::CodeCommit && call.succeeded() {
            fetched += 1;
            bar.inc(1);
            if !on_terminal && (fetched == 1 || fetched.is_multiple_of(500)) {
                println!("  fetching   {fetched} calls of about {expected}");
            }
            continue;
        }
        let Some(line) = line_of(&call) else {
            continue;
        };
        bar.suspend(|| println!("{line}"));
        if call.operation == "StartBuild" && fetched >= expected {
            bar.finish_and_clear();
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
