//! Logs as Lambda's advanced logging controls ask for them:
//! <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-logformat.html>.
//!
//! In JSON each line is one flat object with `timestamp` and `level` at its top, which is where
//! Lambda's own level filter looks for them.

use lambda_runtime::tracing::subscriber;
use subscriber::filter::{LevelFilter, Targets};
use subscriber::layer::SubscriberExt as _;
use subscriber::util::SubscriberInitExt as _;

/// Begins to write logs to standard output.
pub fn start(variable: impl Fn(&str) -> Option<String>) {
    let level = level(variable("AWS_LAMBDA_LOG_LEVEL").as_deref());
    // The SDK and the HTTP client report every connection at debug level; nobody wants them there.
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("pushbuild", level);
    let lines = subscriber::fmt()
        .with_max_level(level)
        .with_target(false)
        .with_ansi(false);
    let json = variable("AWS_LAMBDA_LOG_FORMAT").is_some_and(|f| f.eq_ignore_ascii_case("json"));
    // A second start, as in tests, finds the first one's subscriber and leaves it.
    let _ = if json {
        let lines = lines.json().flatten_event(true).with_span_list(false);
        lines.finish().with(filter).try_init()
    } else {
        lines.finish().with(filter).try_init()
    };
}

/// Lambda's levels are TRACE, DEBUG, INFO, WARN, ERROR and FATAL, for which Rust has no word.
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
    fn every_level_of_lambda_is_known() {
        for (name, wanted) in [
            ("TRACE", LevelFilter::TRACE),
            ("debug", LevelFilter::DEBUG),
            ("INFO", LevelFilter::INFO),
            ("WARN", LevelFilter::WARN),
            ("ERROR", LevelFilter::ERROR),
            ("FATAL", LevelFilter::ERROR),
            ("nonsense", LevelFilter::INFO),
        ] {
            assert_eq!(level(Some(name)), wanted, "{name}");
        }
        assert_eq!(level(None), LevelFilter::INFO);
    }
}
