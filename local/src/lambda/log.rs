//! What a function's processes write, line by line: CloudWatch Logs, as far as a test needs it.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::task::JoinHandle;

/// The lines of functions' processes, in the order they were read. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct FunctionLog(Arc<Mutex<Vec<String>>>);

impl FunctionLog {
    /// The lines so far as one text.
    pub fn text(&self) -> String {
        let lines = self.0.lock();
        lines.iter().flat_map(|line| [line, "\n"]).collect()
    }

    /// The lines that are JSON, as the functions write them unless told otherwise.
    pub fn records(&self) -> Vec<Value> {
        let lines = self.0.lock();
        let records = lines.iter().map(|line| serde_json::from_str(line));
        records.filter_map(Result::ok).collect()
    }

    /// Reads a process's output to its end. What is not UTF-8 is replaced.
    pub(super) fn follow(&self, output: impl AsyncRead + Unpin + Send + 'static) -> JoinHandle<()> {
        let log = self.clone();
        tokio::spawn(async move {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while let Ok(1..) = output.read_until(b'\n', &mut line).await {
                let text = String::from_utf8_lossy(&line);
                let text = text.trim_end_matches(['\n', '\r']).to_owned();
                log.0.lock().push(text);
                line.clear();
            }
        })
    }
}
