//! What is deployed, and what of it each of the two functions is configured with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// What is deployed. The defaults are the template's.
#[derive(Clone, Debug)]
pub struct DeployOptions {
    /// The functions' executable.
    pub program: PathBuf,
    /// Its arguments, for a program that is more than the functions.
    pub args: Vec<String>,
    /// Environment variables of both functions. `CODE_BUCKET`, `PUSH_QUEUE_URL` and
    /// `AWS_ENDPOINT_URL` are set, and `REPOSITORIES` to `*`.
    pub env: BTreeMap<String, String>,
    /// The start of the functions' and queues' names.
    pub name: String,
    /// The bundles' bucket.
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
    /// Whether the functions' lines also go to standard error as they come.
    pub print: bool,
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
            print: false,
        }
    }
}

/// Which of pushbuild's two functions it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handler {
    /// Behind the intake queue.
    Intake,
    /// Behind the push queue.
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

    /// Told to the function, and not enforced.
    pub(super) fn memory_mb(self) -> u32 {
        match self {
            Self::Intake => 256,
            Self::Publish => 512,
        }
    }
}

/// One function's configuration.
pub(crate) struct FunctionOptions {
    /// With the whole environment.
    pub(crate) deploy: DeployOptions,
    pub(crate) handler: Handler,
    pub(crate) region: String,
    pub(crate) account: String,
}

impl FunctionOptions {
    pub(super) fn name(&self) -> String {
        match self.handler {
            Handler::Intake => format!("{}-intake", self.deploy.name),
            Handler::Publish => self.deploy.name.clone(),
        }
    }

    /// The intake's is the template's, which has no parameter for it.
    pub(crate) fn timeout(&self) -> Duration {
        match self.handler {
            Handler::Intake => Duration::from_secs(10),
            Handler::Publish => self.deploy.timeout,
        }
    }

    pub(super) fn arn(&self) -> String {
        let (region, account) = (&self.region, &self.account);
        format!("arn:aws:lambda:{region}:{account}:function:{}", self.name())
    }
}
