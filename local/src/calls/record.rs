//! The function's calls, written to a file for whoever judges them afterwards: the test that holds
//! every call of the test suite against the permissions of the template.
//!
//! One file for each local AWS, JSON Lines: what was deployed, and each call of a function.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::Call;

/// Names a folder, which has to exist; without it nothing is written.
pub const VARIABLE: &str = "PUSHBUILD_CALL_RECORD";

/// Tells the files of one process apart.
static FILES: AtomicU64 = AtomicU64::new(1);

/// An open file.
#[derive(Debug)]
pub struct Record(Mutex<File>);

impl Record {
    /// Begins a file of its own in the folder.
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}.jsonl", std::process::id());
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join(name))?;
        Ok(Self(Mutex::new(file)))
    }

    /// Writes a call down.
    pub(super) fn call(&self, call: &Call) {
        self.line(&json!({
            "service": call.service,
            "operation": call.operation,
            "detail": call.detail,
            "region": call.region,
            "role": call.role,
            "versioned": call.versioned,
            "copied_from": call.copied_from,
        }));
    }

    /// Writes down what the calls after it belong to.
    pub(super) fn line(&self, line: &Value) {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A record with a hole in it would pass what it does not hold.
        writeln!(file, "{line}").expect("the call record cannot be written");
    }
}
