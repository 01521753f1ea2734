//! Every call that reached the local AWS, in the order of their answers.
//!
//! Tests count calls with it, the command line shows its progress from it, and the benchmark
//! reads its totals. A call that was cut off has no status; one that a fault touched says which.

pub mod record;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::broadcast;

use crate::lambda::FUNCTION_KEY_PREFIX;
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
    /// Whose call it was, from the `Authorization` header.
    pub access_key_id: Option<String>,
    /// The role that this key belongs to, if AssumeRole gave it out.
    pub role: Option<String>,
    /// The Region it was signed for.
    pub region: Option<String>,
    /// Whether it asks S3 for one version of an object.
    pub versioned: bool,
    /// What it has S3 copy, as its header says it: `bucket/key?versionId=…`, percent-encoded.
    pub copied_from: Option<String>,
    /// The SDK's attempt number, from `amz-sdk-request`; 1 where there is none.
    pub attempt: u32,
    /// HTTP status of the answer; none if the connection was cut instead.
    pub status: Option<u16>,
    pub error: Option<String>,
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
    live: broadcast::Sender<Call>,
    record: Option<Record>,
}

impl Default for CallLog {
    fn default() -> Self {
        Self(Arc::new(Inner {
            calls: Mutex::default(),
            live: broadcast::Sender::new(4096),
            record: std::env::var_os(record::VARIABLE).map(|folder| {
                Record::begin(folder.as_ref()).expect("the call record's folder cannot be used")
            }),
        }))
    }
}

impl CallLog {
    /// Adds a call that has its answer. Only a function's, under a role or not, goes on record.
    pub(crate) fn record(&self, call: Call) {
        let is_functions = call
            .access_key_id
            .as_ref()
            .is_some_and(|id| id.starts_with(FUNCTION_KEY_PREFIX));
        if let Some(record) = &self.0.record
            && (is_functions || call.role.is_some())
        {
            record.call(&call);
        }
        // Nobody may be listening.
        let _ = self.0.live.send(call.clone());
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
        self.0.calls.lock().clone()
    }

    /// The calls of one operation, in the order of their answers.
    pub fn of(&self, service: Service, operation: &str) -> Vec<Call> {
        let is_one = |call: &&Call| call.service == service && call.operation == operation;
        self.0.calls.lock().iter().filter(is_one).cloned().collect()
    }

    /// Every call from now on, as it is answered. A receiver that falls 4,096 calls behind loses
    /// the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<Call> {
        self.0.live.subscribe()
    }

    pub fn clear(&self) {
        self.0.calls.lock().clear();
    }
}
