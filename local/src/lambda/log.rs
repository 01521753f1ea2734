//! What a function's processes write, line by line: CloudWatch Logs, as far as a test needs it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::task::JoinHandle;

/// Lines kept; the oldest go first.
const KEPT: usize = 20_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

#[derive(Debug)]
struct Line {
    /// The execution environment's number.
    environment: u64,
    stream: Stream,
    /// Without its line end; what is not UTF-8 is replaced.
    text: String,
}

/// The lines of functions' environments, in the order they were read. Clones share them.
#[derive(Clone, Debug)]
pub struct FunctionLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    print: bool,
    lines: Mutex<VecDeque<Line>>,
}

impl FunctionLog {
    /// No lines yet; `print` also writes them to standard error as they come.
    pub(crate) fn new(print: bool) -> Self {
        let lines = Mutex::default();
        Self(Arc::new(Inner { print, lines }))
    }

    /// The lines so far as one text; the last 20,000 of them.
    pub fn text(&self) -> String {
        let lines = self.lines();
        let texts = lines.iter().flat_map(|line| [line.text.as_str(), "\n"]);
        texts.collect()
    }

    /// The lines that are JSON, as the functions write them unless told otherwise.
    pub fn records(&self) -> Vec<Value> {
        let lines = self.lines();
        let records = lines.iter().map(|line| serde_json::from_str(&line.text));
        records.filter_map(Result::ok).collect()
    }

    /// The last lines of one environment's standard error.
    pub(super) fn stderr_tail(&self, environment: u64, count: usize) -> Vec<String> {
        let lines = self.lines();
        let lines = lines.iter().rev();
        let of_it =
            lines.filter(|line| line.environment == environment && line.stream == Stream::Stderr);
        let mut tail: Vec<_> = of_it.take(count).map(|line| line.text.clone()).collect();
        tail.reverse();
        tail
    }

    /// Reads a process's output to its end.
    pub(super) fn follow(
        &self,
        output: impl AsyncRead + Unpin + Send + 'static,
        environment: u64,
        stream: Stream,
    ) -> JoinHandle<()> {
        let log = self.clone();
        tokio::spawn(async move {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while let Ok(1..) = output.read_until(b'\n', &mut line).await {
                let text = String::from_utf8_lossy(&line);
                log.push(Line {
                    environment,
                    stream,
                    text: text.trim_end_matches(['\n', '\r']).to_owned(),
                });
                line.clear();
            }
        })
    }

    fn push(&self, line: Line) {
        if self.0.print {
            eprintln!("{}", line.text);
        }
        let mut lines = self.lines();
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn lines(&self) -> MutexGuard<'_, VecDeque<Line>> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
