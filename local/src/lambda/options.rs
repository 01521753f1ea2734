//! What is deployed, and what of it each of the two functions is configured with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What is deployed. The defaults are the template's, but for `publish`'s memory: see `memory_mb`.
#[derive(Clone, Debug)]
pub struct DeployOptions {
    pub program: PathBuf,
    /// Arguments for a program that does more than run the functions.
    pub args: Vec<String>,
    /// Environment variables of both functions. `CODE_BUCKET`, `PUSH_QUEUE_URL` and
    /// `AWS_ENDPOINT_URL` are set, and `REPOSITORIES` to `*`.
    pub env: BTreeMap<String, String>,
    /// The start of the functions' and queues' names.
    pub name: String,
    pub bucket: String,
    /// Real time for one invocation of the function `publish`, after which it is killed.
    pub timeout: Duration,
    /// How long a received message stays invisible in both queues, on the local AWS's clock; six
    /// times the function's timeout if not given, as Lambda's guide recommends.
    pub visibility_timeout: Option<Duration>,
    /// Receives of a push before it goes to the dead-letter queue.
    pub max_receive_count: u32,
    /// Receives of an event by the intake before it goes there.
    pub intake_max_receive_count: u32,
}

impl DeployOptions {
    /// `program` as the functions, with the template's defaults.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            name: "pushbuild".to_owned(),
            bucket: "pushbuild-bundles".to_owned(),
            timeout: Duration::from_mins(5),
            visibility_timeout: None,
            max_receive_count: 5,
            intake_max_receive_count: 2,
        }
    }

    pub(super) fn name_of(&self, handler: Handler) -> String {
        match handler {
            Handler::Intake => format!("{}-intake", self.name),
            Handler::Publish => self.name.clone(),
        }
    }

    /// A function's timeout. The intake's is the template's, which has no parameter for it.
    pub(crate) fn timeout_of(&self, handler: Handler) -> Duration {
        match handler {
            Handler::Intake => Duration::from_secs(10),
            Handler::Publish => self.timeout,
        }
    }
}

/// Which of pushbuild's two functions it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handler {
    Intake,
    Publish,
}

impl Handler {
    /// The value of `_HANDLER`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Publish => "publish",
        }
    }

    /// How the access key ids of its execution environments begin.
    pub(crate) fn key_prefix(self) -> &'static str {
        match self {
            Self::Intake => "LOCALFUNCTIONINT",
            Self::Publish => "LOCALFUNCTIONPUB",
        }
    }

    /// What the function is told that it has; nothing enforces it. The template gives `publish` 1,024.
    pub(super) fn memory_mb(self) -> u32 {
        match self {
            Self::Intake => 256,
            Self::Publish => 512,
        }
    }
}
