//! The functions' calls, written to a file: a test holds every call of the test suite against the
//! permissions that the template grants.
//!
//! One file for each local AWS, JSON Lines: what was deployed, and each call of a function.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::Call;
use crate::lambda::Handler;

/// Names a folder, which has to exist; without it nothing is written.
pub const VARIABLE: &str = "PUSHBUILD_CALL_RECORD";

/// Tells the files of one process apart.
static FILES: AtomicU64 = AtomicU64::new(1);

#[derive(Debug)]
pub struct Record(Mutex<File>);

impl Record {
    /// Begins a file of its own in the folder.
    pub(super) fn begin(folder: &Path) -> io::Result<Self> {
        let number = FILES.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{}-{number}.jsonl", std::process::id()));
        // An earlier process may have had this id.
        let file = File::options().create(true).append(true).open(path)?;
        Ok(Self(Mutex::new(file)))
    }

    /// Writes down a call that a function made.
    pub(super) fn call(&self, call: &Call) {
        if let Some(function) = function_of(call) {
            let mut line = json!(call);
            line["function"] = json!(function.name());
            self.line(&line);
        }
    }

    /// Writes down what the calls after it belong to.
    pub(super) fn line(&self, line: &Value) {
        let mut file = self.0.lock();
        // A record that lacks calls would let the test pass without them.
        writeln!(file, "{line}").expect("the call record cannot be written");
    }
}

/// The function that made a call, under its own credentials or a role's.
fn function_of(call: &Call) -> Option<Handler> {
    let id = call.access_key_id.as_deref().unwrap_or_default();
    let mut handlers = [Handler::Intake, Handler::Publish].into_iter();
    handlers.find(|handler| id.starts_with(handler.key_prefix()))
}
