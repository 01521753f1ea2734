//! What is deployed, and how it differs from the template's defaults.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::lambda::MappingOptions;

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
    /// Real time for one invocation of the function `publish`.
    pub timeout: Duration,
    /// How long a received message stays invisible in both queues, on the local AWS's clock; six
    /// times the function's timeout if not given, as Lambda's guide recommends.
    pub visibility_timeout: Option<Duration>,
    /// Receives of a push before it goes to the dead-letter queue.
    pub max_receive_count: u32,
    /// Receives of an event by the intake before it goes there.
    pub intake_max_receive_count: u32,
    /// Told to the function `publish`, and not enforced.
    pub memory_mb: u32,
    /// Whether the functions' lines also go to standard error as they come.
    pub print: bool,
    /// How the push queue is polled, and what is made of answers.
    pub mapping: MappingOptions,
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
            memory_mb: 512,
            print: false,
            mapping: MappingOptions::default(),
        }
    }
}
