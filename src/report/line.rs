//! The fields of the line, and which of them are metrics.

use std::time::{Duration, SystemTime};

use metrique::emf::flags::NoMetric;
use metrique::unit::{Byte, Count, Millisecond};
use metrique::unit_of_work::metrics;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::error::{Class, Error};
use crate::event::{EventFields, Skip};
use crate::publish::{Figures, Published, PushOutcome};

/// A line, and the time of its metrics.
#[metrics(emf::dimension_sets = [["FunctionName"]])]
#[derive(Debug)]
pub(super) struct TimedLine {
    #[metrics(timestamp)]
    pub(super) at: SystemTime,
    #[metrics(flatten)]
    pub(super) line: Line,
}

/// One line. Text is a property; numbers are metrics unless they say otherwise; what is `None` is
/// left out, so that a push that was skipped does not count as one of no bytes.
#[metrics(subfield_owned)]
#[derive(Debug, Default)]
pub(super) struct Line {
    #[metrics(name = "FunctionName")]
    function_name: String,
    /// Where Lambda looks for the time and the level of a line in JSON.
    timestamp: String,
    level: &'static str,
    message: &'static str,
    pub(super) request_id: Option<String>,
    pub(super) message_id: Option<String>,
    #[metrics(flags(NoMetric))]
    pub(super) receive_count: u32,

    #[metrics(flatten)]
    pub(super) fields: EventFields,
    /// When the message came into the queue.
    queued_at: Option<String>,
    begun_at: Option<String>,

    pub(super) outcome: &'static str,
    class: Option<&'static str>,
    why: Option<String>,
    error: Option<String>,
    advice: Option<&'static str>,
    aws_request_id: Option<String>,
    build_id: Option<String>,
    key: Option<String>,
    version_id: Option<String>,

    #[metrics(unit = Count)]
    pushes: u64,
    #[metrics(unit = Count)]
    started: u64,
    #[metrics(unit = Count)]
    skipped: u64,
    #[metrics(unit = Count)]
    retried: u64,
    #[metrics(unit = Count)]
    rejected: u64,
    #[metrics(unit = Count)]
    unbundlable: u64,

    #[metrics(unit = Millisecond)]
    waited_ms: Option<u64>,
    #[metrics(unit = Count)]
    files: Option<u64>,
    #[metrics(flags(NoMetric))]
    entries: Option<u64>,
    #[metrics(unit = Count)]
    fetched: Option<u64>,
    #[metrics(unit = Count)]
    reused: Option<u64>,
    #[metrics(unit = Byte)]
    bytes: Option<u64>,
    #[metrics(unit = Byte)]
    bytes_fetched: Option<u64>,
    #[metrics(unit = Byte)]
    bytes_reused: Option<u64>,
    #[metrics(unit = Count)]
    calls: Option<u64>,
    #[metrics(unit = Count)]
    throttled: Option<u64>,
    #[metrics(unit = Millisecond)]
    ms: Option<u64>,
    #[metrics(flags(NoMetric))]
    walk_ms: Option<u64>,
    #[metrics(flags(NoMetric))]
    bundle_ms: Option<u64>,
    #[metrics(flags(NoMetric))]
    build_ms: Option<u64>,
}

impl Line {
    /// A line that says only whose it is.
    pub(super) fn new(function_name: &str, level: &'static str, at: SystemTime) -> Self {
        Self {
            function_name: function_name.to_owned(),
            timestamp: written(at.into()).unwrap_or_default(),
            level,
            message: "push",
            pushes: 1,
            ..Self::default()
        }
    }

    /// When it came in and how long it waited in the queue. Two clocks may differ: it has waited for
    /// no less than nothing.
    pub(super) fn times(&mut self, sent: Option<OffsetDateTime>, begun: Option<OffsetDateTime>) {
        self.queued_at = sent.and_then(written);
        self.begun_at = begun.and_then(written);
        if let (Some(sent), Some(begun)) = (sent, begun) {
            let waited = Duration::try_from(begun - sent).unwrap_or_default();
            self.waited_ms = milliseconds(waited);
        }
    }

    /// What it cost.
    pub(super) fn cost(&mut self, figures: &Figures) {
        self.files = Some(figures.files as u64);
        self.entries = Some(figures.entries as u64);
        self.fetched = Some(figures.fetched);
        self.reused = Some(figures.reused);
        self.bytes = Some(figures.bytes);
        self.bytes_fetched = Some(figures.bytes_fetched);
        self.bytes_reused = Some(figures.bytes_reused);
        self.calls = Some(figures.calls);
        self.throttled = Some(figures.throttled);
        self.ms = milliseconds(figures.time);
        self.walk_ms = milliseconds(figures.walk);
        self.bundle_ms = milliseconds(figures.bundle);
        self.build_ms = milliseconds(figures.build);
    }

    pub(super) fn done(&mut self, published: Option<Published>) {
        let Some(published) = published else {
            return;
        };
        self.outcome = published.outcome.name();
        self.started = u64::from(published.outcome != PushOutcome::AlreadyBuilt);
        if published.outcome == PushOutcome::BuiltFromCodeCommit {
            self.unbundlable = 1;
            self.class = Some("unbundlable");
        }
        self.build_id = Some(published.build_id);
        if let Some(bundle) = published.bundle {
            self.key = Some(bundle.key);
            self.version_id = bundle.version;
        }
    }

    pub(super) fn skipped(&mut self, skip: &Skip) {
        self.outcome = "skipped";
        self.class = Some(skip.name());
        self.why = Some(skip.to_string());
        self.skipped = 1;
    }

    /// It failed, or waits behind one that did.
    pub(super) fn failed(&mut self, error: &Error) {
        self.outcome = "failed";
        self.class = Some(error.class().name());
        self.error = Some(error.to_string());
        self.advice = Some(error.advice());
        self.aws_request_id = error.request_id().map(str::to_owned);
        match error.class() {
            Class::Retry | Class::RefusedByAws => self.retried = 1,
            Class::Reject => self.rejected = 1,
        }
    }
}

fn written(at: OffsetDateTime) -> Option<String> {
    at.format(&Rfc3339).ok()
}

fn milliseconds(time: Duration) -> Option<u64> {
    u64::try_from(time.as_millis()).ok()
}
