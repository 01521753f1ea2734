//! What a function's processes write, line by line: CloudWatch Logs, as far as a test needs it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::task::JoinHandle;

/// Lines kept; the oldest go first.
const KEPT: usize = 20_000;

/// Where a line was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The execution environment's number, from 1.
    pub environment: u64,
    /// Where it was written.
    pub stream: Stream,
    /// Without its line end; what is not UTF-8 is replaced.
    pub text: String,
}

/// The lines of functions' environments, in the order they were read. Clones share them.
#[derive(Clone, Debug)]
pub struct FunctionLog(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    print: bool,
    lines: Mutex<VecDeque<LogLine>>,
}

impl FunctionLog {
    /// No lines yet; `print` also writes them to standard error as they come.
    pub fn new(print: bool) -> Self {
        Self(Arc::new(Inner {
            print,
            lines: Mutex::default(),
        }))
    }

    /// The lines so far; the last 20,000 of them.
    pub fn lines(&self) -> Vec<LogLine> {
        self.0
            .lines
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    /// The lines so far as one text.
    pub fn text(&self) -> String {
        let lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines
            .iter()
            .flat_map(|line| [line.text.as_str(), "\n"])
            .collect()
    }

    /// The last lines of one environment's standard error.
    pub(super) fn stderr_tail(&self, environment: u64, count: usize) -> Vec<String> {
        let lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let of_it =
            |line: &&LogLine| line.environment == environment && line.stream == Stream::Stderr;
        let mut tail: Vec<_> = lines
            .iter()
            .rev()
            .filter(of_it)
            .take(count)
            .map(|line| line.text.clone())
            .collect();
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
            while output
                .read_until(b'\n', &mut line)
                .await
                .is_ok_and(|read| read > 0)
            {
                let text = String::from_utf8_lossy(&line)
                    .trim_end_matches(['\n', '\r'])
                    .to_owned();
                line.clear();
                log.push(LogLine {
                    environment,
                    stream,
                    text,
                });
            }
        })
    }

    fn push(&self, line: LogLine) {
        if self.0.print {
            eprintln!("{}", line.text);
        }
        let mut lines = self.0.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}
