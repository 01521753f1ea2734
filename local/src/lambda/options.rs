//! A function's configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Which of pushbuild's two functions it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// Behind the intake queue.
    Intake,
    /// Behind the push queue.
    Publish,
}

impl Handler {
    /// The value of `_HANDLER`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Publish => "publish",
        }
    }

    /// How the access key ids of its execution environments begin.
    pub fn key_prefix(self) -> &'static str {
        match self {
            Self::Intake => "LOCALFUNCTIONINT",
            Self::Publish => "LOCALFUNCTIONPUB",
        }
    }
}

/// A function's configuration, as Lambda has it.
#[derive(Clone, Debug)]
pub struct FunctionOptions {
    /// The executable ("bootstrap").
    pub program: PathBuf,
    /// Its arguments. Lambda gives none.
    pub args: Vec<String>,
    /// Environment variables besides those that Lambda sets; these win.
    pub env: BTreeMap<String, String>,
    /// The function's name.
    pub name: String,
    /// Its handler.
    pub handler: Handler,
    /// Told to the function, and not enforced.
    pub memory_mb: u32,
    /// Real time for one invocation, after which the process is killed.
    pub timeout: Duration,
    /// Execution environments at most ("reserved concurrency"); more invocations wait.
    pub concurrency: usize,
    /// For instance `eu-west-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
}

impl FunctionOptions {
    /// `program` with Lambda's defaults, but for the timeout of a minute.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            name: "pushbuild".to_owned(),
            handler: Handler::Publish,
            memory_mb: 512,
            timeout: Duration::from_mins(1),
            concurrency: 10,
            region: "eu-west-1".to_owned(),
            account: "000000000000".to_owned(),
        }
    }

    pub(super) fn arn(&self) -> String {
        format!(
            "arn:aws:lambda:{}:{}:function:{}",
            self.region, self.account, self.name
        )
    }
}
