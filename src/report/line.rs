//! The fields of the line, and which of them are metrics.

use std::time::SystemTime;

use metrique::emf::flags::NoMetric;
use metrique::unit::{Count, Millisecond};
use metrique::unit_of_work::metrics;

use crate::batch::Outcome;
use crate::error::Class;
use crate::event::EventFields;
use crate::publish::{Done, Figures, PushOutcome};

/// One line. Text is a property. A number is a metric unless its field says otherwise. What is `None`
/// is left out: a push that was skipped must not count as one of no bytes.
#[metrics(emf::dimension_sets = [["FunctionName"]])]
#[derive(Debug)]
pub(super) struct Line {
    /// The time of the metrics.
    #[metrics(timestamp)]
    pub(super) at: SystemTime,
    #[metrics(name = "FunctionName")]
    pub(super) function_name: String,
    /// Where Lambda looks for the time and the level of a line in JSON.
    pub(super) timestamp: String,
    pub(super) level: &'static str,
    pub(super) message: &'static str,
    pub(super) request_id: Option<String>,
    pub(super) message_id: String,
    #[metrics(flags(NoMetric))]
    pub(super) receive_count: u32,
    #[metrics(flatten)]
    pub(super) fields: EventFields,
    /// When the message came into the queue.
    pub(super) queued_at: Option<String>,
    pub(super) begun_at: Option<String>,
    #[metrics(unit = Millisecond)]
    pub(super) waited_ms: Option<u64>,
    #[metrics(flatten)]
    pub(super) result: OutcomeFields,
    #[metrics(flatten)]
    pub(super) figures: Option<Figures>,
}

/// What became of the message, in words and as counts.
#[metrics(subfield_owned)]
#[derive(Debug, Default)]
pub(super) struct OutcomeFields {
    outcome: &'static str,
    class: Option<&'static str>,
    why: Option<String>,
    error: Option<String>,
    advice: Option<&'static str>,
    failed_call: Option<&'static str>,
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
}

impl OutcomeFields {
    pub(super) fn of(outcome: &Outcome) -> Self {
        let any = Self {
            pushes: 1,
            ..Self::default()
        };
        match outcome {
            Ok(Done::Forwarded) => Self {
                outcome: "forwarded",
                ..any
            },
            Ok(Done::Skipped(skip)) => Self {
                outcome: "skipped",
                class: Some(skip.name()),
                why: Some(skip.to_string()),
                skipped: 1,
                ..any
            },
            Ok(Done::Published {
                outcome,
                build_id,
                bundle,
            }) => {
                let is_unbundlable = *outcome == PushOutcome::BuiltFromCodeCommit;
                let bundle = bundle.as_ref();
                Self {
                    outcome: outcome.name(),
                    class: is_unbundlable.then_some("unbundlable"),
                    started: u64::from(*outcome != PushOutcome::AlreadyBuilt),
                    unbundlable: u64::from(is_unbundlable),
                    build_id: Some(build_id.clone()),
                    key: bundle.map(|bundle| bundle.key.clone()),
                    version_id: bundle.and_then(|bundle| bundle.version.clone()),
                    ..any
                }
            }
            Err(error) => {
                let (class, advice) = error.class_and_advice();
                let is_rejected = class == Class::Reject;
                Self {
                    outcome: "failed",
                    class: Some(class.name()),
                    error: Some(error.to_string()),
                    advice: Some(advice),
                    failed_call: error.failed_call(),
                    aws_request_id: error.request_id().map(str::to_owned),
                    retried: u64::from(!is_rejected),
                    rejected: u64::from(is_rejected),
                    ..any
                }
            }
        }
    }
}
