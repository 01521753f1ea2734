//! The one line in the log that each message leaves, whatever its outcome.
//!
//! The line is a document of CloudWatch's embedded metric format
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>):
//! CloudWatch takes the metrics out of it, and everything else in it can be searched for.
//! `docs/operations.md` has its fields and metrics in tables, and tests hold both against them.
//!
//! Names of repositories and references are never dimensions: each value of a dimension makes another
//! metric, which costs money.
//!
//! No line says more of a message than its names and counts, so none can hold file contents or
//! credentials.

mod line;

use std::io::Write;
use std::time::{Duration, SystemTime};

use metrique::emf::Emf;
use metrique::writer::format::Format;
use metrique::{CloseValue, RootEntry};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::batch::{Message, Outcome};
use crate::error::{Class, Error};
use crate::event::EventFields;
use crate::publish::{Figures, milliseconds};
use line::{Line, OutcomeFields};

/// The namespace of the metrics; the dashboard of `template.yaml` reads them from it.
pub const NAMESPACE: &str = "pushbuild";

/// What is measured of the work on a message.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    /// When the work on the message began.
    pub begun: Option<OffsetDateTime>,
    /// What a push cost, if the work on it came to its own end.
    pub figures: Option<Figures>,
}

impl Metrics {
    pub fn begin() -> Self {
        Self {
            begun: Some(OffsetDateTime::now_utc()),
            figures: None,
        }
    }
}

/// Writes the lines of one invocation.
#[derive(Clone, Debug)]
pub struct Reporter {
    /// The function's name: the metrics' one dimension.
    pub function_name: String,
    /// The invocation's id, which Lambda's own lines carry too.
    pub request_id: String,
}

impl Reporter {
    /// Writes the line of one message to standard output, unless the log's level leaves it out.
    pub fn report(&self, message: &Message, outcome: &Outcome, metrics: Metrics) {
        if level(outcome) > LevelFilter::current() {
            return;
        }
        let line = self.document(message, outcome, metrics, SystemTime::now());
        // Without standard output there is no place to report the failure to.
        let _ = std::io::stdout().lock().write_all(&line);
    }

    fn document(
        &self,
        message: &Message,
        outcome: &Outcome,
        metrics: Metrics,
        at: SystemTime,
    ) -> Vec<u8> {
        let line = Line {
            at,
            function_name: self.function_name.clone(),
            timestamp: written(at.into()).unwrap_or_default(),
            level: level(outcome).as_str(),
            message: "push",
            request_id: Some(self.request_id.clone()).filter(|id| !id.is_empty()),
            message_id: message.id.clone(),
            receive_count: message.receive_count,
            fields: EventFields::of_body(&message.body),
            queued_at: message.sent.and_then(written),
            begun_at: metrics.begun.and_then(written),
            // The clocks of two services differ: a negative wait counts as none.
            waited_ms: message.sent.zip(metrics.begun).map(|(sent, begun)| {
                milliseconds(Duration::try_from(begun - sent).unwrap_or_default())
            }),
            result: OutcomeFields::of(outcome),
            figures: metrics.figures,
        };
        let mut out = Vec::with_capacity(2048);
        let format = Emf::builder(NAMESPACE.to_owned(), vec![vec![]])
            .build()
            .format(&RootEntry::new(line.close()), &mut out);
        if let Err(error) = format {
            tracing::error!(%error, message_id = message.id, "a message's line cannot be written");
        }
        out
    }
}

/// The log level of an outcome.
fn level(outcome: &Outcome) -> Level {
    match outcome {
        Ok(_) | Err(Error::BehindFailure) => Level::INFO,
        Err(error) => match error.class() {
            Class::Retry => Level::WARN,
            Class::RefusedByAws | Class::Reject => Level::ERROR,
        },
    }
}

fn written(at: OffsetDateTime) -> Option<String> {
    at.format(&Rfc3339).ok()
}

#[cfg(test)]
mod tests;
