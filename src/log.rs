//! Logs as Lambda's advanced logging controls ask for them:
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>.
//!
//! In JSON each line is one flat object with `timestamp` and `level` at its top, where Lambda's own
//! level filter looks for them. In text, a newline in a path or in an answer could forge a line, so
//! control characters are escaped.

use std::io::{self, Write};

use lambda_runtime::tracing::subscriber;
use subscriber::filter::{LevelFilter, Targets};
use subscriber::layer::SubscriberExt as _;
use subscriber::util::SubscriberInitExt as _;

/// Begins to write logs to standard output, panics included.
pub fn start(variable: impl Fn(&str) -> Option<String>) {
    let level = level(variable("AWS_LAMBDA_LOG_LEVEL").as_deref());
    // The debug level is for pushbuild's own lines: the SDK and the HTTP client would report every
    // connection.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("pushbuild", level);
    let lines = subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false)
        .with_writer(|| Escaped(io::stdout()));
    let json = variable("AWS_LAMBDA_LOG_FORMAT").is_some_and(|f| f.eq_ignore_ascii_case("json"));
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(%panic, "a defect in pushbuild");
    }));
    // A second start, as in tests, leaves the first one's subscriber in place.
    let _ = if json {
        let lines = lines.json().flatten_event(true).with_span_list(false);
        lines.finish().with(filter).try_init()
    } else {
        lines.finish().with(filter).try_init()
    };
}

/// Writes each line with its control characters escaped, except the newline at its end.
struct Escaped<W>(W);

impl<W: Write> Write for Escaped<W> {
    /// The subscriber writes one whole line at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0
            .write_all(one_line(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// U+2028 and U+2029 end a line too, though they are not control characters.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for letter in text.strip_suffix('\n').unwrap_or(text).chars() {
        if letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}') {
            line.extend(letter.escape_default());
        } else {
            line.push(letter);
        }
    }
    line + "\n"
}

/// Lambda's levels are TRACE, DEBUG, INFO, WARN, ERROR and FATAL. Rust has no FATAL.
fn level(name: Option<&str>) -> LevelFilter {
    match name.map(str::to_ascii_uppercase).as_deref() {
        Some("FATAL") => LevelFilter::ERROR,
        Some(name) => name.parse().unwrap_or(LevelFilter::INFO),
        None => LevelFilter::INFO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_can_forge_a_line() {
        let text = "WARN a\nERROR forged\r\u{1b}[31m\u{85}\u{2028}\u{2029}é🦀.txt\n";
        let line = "WARN a\\nERROR forged\\r\\u{1b}[31m\\u{85}\\u{2028}\\u{2029}é🦀.txt\n";
        let mut out = Vec::new();
        Escaped(&mut out).write_all(text.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), line);
    }

    #[test]
    fn every_level_of_lambda_is_known() {
        for (name, wanted) in [
            (Some("TRACE"), LevelFilter::TRACE),
            (Some("debug"), LevelFilter::DEBUG),
            (Some("INFO"), LevelFilter::INFO),
            (Some("WARN"), LevelFilter::WARN),
            (Some("ERROR"), LevelFilter::ERROR),
            (Some("FATAL"), LevelFilter::ERROR),
            (Some("nonsense"), LevelFilter::INFO),
            (None, LevelFilter::INFO),
        ] {
            assert_eq!(level(name), wanted, "{name:?}");
        }
    }
}
