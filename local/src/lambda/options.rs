//! A function's configuration.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A function's configuration, as Lambda has it.
#[derive(Clone, Debug)]
pub struct FunctionOptions {
    /// The executable ("bootstrap").
    pub program: PathBuf,
    /// Its arguments; on Lambda there are none.
    pub args: Vec<String>,
    /// Environment variables besides those that Lambda sets; these win.
    pub env: BTreeMap<String, String>,
    /// The function's name.
    pub name: String,
    /// Told to the function, and not enforced.
    pub memory_mb: u32,
    /// Real time for one invocation, after which the process is killed.
    pub timeout: Duration,
    /// Execution environments at most ("reserved concurrency"); more invocations wait.
    pub concurrency: usize,
    /// Whether its lines also go to standard error as they come.
    pub print: bool,
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
            memory_mb: 512,
            timeout: Duration::from_mins(1),
            concurrency: 10,
            print: false,
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
