//! The handler `intake`: a batch's pushes go to the push queue, and nothing is fetched.

use std::sync::Arc;

use super::Invocation;
use crate::aws::sqs::{NewMessage, Queue};
use crate::batch::{self, Failure, Message, Outcome};
use crate::config::IntakeConfig;
use crate::intake;
use crate::report::Metrics;

/// What is kept from one invocation to the next.
pub(super) struct Intake {
    pub queue: Arc<Queue>,
    pub config: IntakeConfig,
}

impl Intake {
    /// Forwards the pushes of a batch, and returns what failed.
    pub(super) async fn handle(
        &self,
        invocation: &Invocation,
        messages: Vec<Message>,
    ) -> Vec<Failure> {
        let begun = Metrics::begin();
        let report = |message: &Message, outcome: &Outcome| {
            invocation.reporter.report(message, outcome, begun.clone());
        };
        let read = |body: &str| self.config.selection.read(body);
        let (pushes, mut failures) = batch::read(messages, read, report);
        let url = &self.config.push_queue_url;
        let stop = invocation.stop;
        let send = async |messages: &[NewMessage<'_>]| self.queue.send(url, messages).await;
        let max_receive_count = async || invocation.source_queue.max_receive_count(stop).await;
        for (message, outcome) in intake::forward(pushes, stop, send, max_receive_count).await {
            report(&message, &outcome);
            failures.extend(outcome.err().map(|error| Failure { message, error }));
        }
        failures
    }
}
