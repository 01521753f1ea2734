//! What one invocation does with its messages: read, publish, report.

use std::sync::Arc;

use tokio::time::Instant;

use super::Function;
use super::source_queue::SourceQueue;
use crate::aws::codecommit::CallCounts;
use crate::batch::{Message, MessageOutcome, Work};
use crate::error::Error;
use crate::event::{self, BadMessage, Push, Request, Skip};
use crate::publish::{self, Delivery, Figures, FunctionLocation};
use crate::report::{Cost, Metrics, Reporter};

/// One invocation.
pub(super) struct Invocation {
    pub function: Arc<Function>,
    pub reporter: Reporter,
    pub location: FunctionLocation,
    pub source_queue: SourceQueue,
    /// When the work must have ended.
    pub stop: Instant,
}

impl Work for Invocation {
    type Metrics = Metrics;

    fn read(&self, body: &str) -> Result<Request, BadMessage> {
        Ok(match event::parse(body)? {
            Request::Build(push) if !self.function.config.builds(&push.reference.full_name()) => {
                Request::Skip(Skip::Excluded {
                    reference: push.reference.full_name(),
                })
            }
            other => other,
        })
    }

    async fn publish(
        self: Arc<Self>,
        push: Push,
        may_be_repeated: bool,
    ) -> (Result<(), Error>, Metrics) {
        let begun = Instant::now();
        let delivery = Delivery {
            redelivered: may_be_repeated,
            stop: self.stop,
            location: self.location.clone(),
            counts: CallCounts::default(),
        };
        let mut figures = Figures::default();
        let Function { aws, config } = &*self.function;
        let published = publish::publish(aws, config, &push, &delivery, &mut figures).await;
        let cost = Cost {
            figures,
            calls: delivery.counts.calls(),
            throttled: delivery.counts.throttled(),
            time: begun.elapsed(),
        };
        let (outcome, published) = match published {
            Ok(published) => (Ok(()), Some(published)),
            Err(error) => (Err(error), None),
        };
        let metrics = Metrics {
            published,
            cost: Some(cost),
        };
        (outcome, metrics)
    }

    async fn max_receive_count(&self) -> Option<u32> {
        self.source_queue.max_receive_count(self.stop).await
    }

    fn report(&self, message: &Message, outcome: MessageOutcome<'_>, metrics: Metrics) {
        self.reporter.report(message, outcome, metrics);
    }
}
