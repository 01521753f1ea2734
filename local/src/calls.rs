//! Every call that reached the local AWS, in the order of their answers.
//!
//! Tests count calls with it, the command line shows its progress from it, and the benchmark
//! reads its totals.

pub mod record;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use record::Record;

/// The services on the wire, named as in an IAM action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    CodeCommit,
    CodeBuild,
    S3,
    Sqs,
    Sts,
}

#[derive(Clone, Debug, Serialize)]
pub struct Call {
    pub service: Service,
    /// The operation's name in the API reference.
    pub operation: String,
    /// What it was about: `repository:path`, `bucket/key`, a project, a queue, a role.
    pub detail: String,
    /// The caller's, from the `Authorization` header; under a role, of the one who assumed it.
    pub access_key_id: Option<String>,
    /// The role that it was made under, if AssumeRole gave out its credentials.
    pub role: Option<String>,
    /// The Region it was signed for.
    pub region: Option<String>,
    /// What it asks S3 to copy: `bucket/key?versionId=…`, percent-encoded.
    pub copied_from: Option<String>,
    /// The SDK's attempt number, from `amz-sdk-request`; 1 where there is none.
    pub attempt: u32,
    /// HTTP status of the answer; `None` if the connection was cut instead.
    pub status: Option<u16>,
    pub error: Option<String>,
    /// The faults that changed it.
    pub faults: Vec<String>,
    pub request_bytes: u64,
    pub response_bytes: u64,
    /// When it arrived, in real time.
    pub start: SystemTime,
    /// From the request's last byte of headers to the answer being ready, in real time.
    pub duration: Duration,
}

impl Call {
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status < 400)
    }
}

/// The list of calls. Clones share it.
#[derive(Clone, Debug)]
pub struct CallLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    calls: Mutex<Vec<Call>>,
    record: Option<Record>,
}

impl Default for CallLog {
    fn default() -> Self {
        Self(Arc::new(Inner {
            calls: Mutex::default(),
            record: std::env::var_os(record::VARIABLE).map(|folder| {
                Record::begin(folder.as_ref()).expect("the call record's folder cannot be used")
            }),
        }))
    }
}

impl CallLog {
    /// Adds a call that has its answer. Only a function's goes on record.
    pub(crate) fn record(&self, call: Call) {
        if let Some(record) = &self.0.record {
            record.call(&call);
        }
        self.0.calls.lock().push(call);
    }

    /// Puts on record what the calls from now on belong to.
    pub(crate) fn deployed(&self, what: &Value) {
        if let Some(record) = &self.0.record {
            record.line(what);
        }
    }

    /// All calls, in the order of their answers.
    pub fn list(&self) -> Vec<Call> {
        self.since(0)
    }

    /// The calls after the first `seen`, in the order of their answers.
    pub(crate) fn since(&self, seen: usize) -> Vec<Call> {
        let calls = self.0.calls.lock();
        calls.get(seen..).unwrap_or_default().to_vec()
    }

    /// The calls of one operation, in the order of their answers.
    pub fn of(&self, service: Service, operation: &str) -> Vec<Call> {
        let is_one = |call: &&Call| call.service == service && call.operation == operation;
        self.0.calls.lock().iter().filter(is_one).cloned().collect()
    }

    pub fn clear(&self) {
        self.0.calls.lock().clear();
    }
}
