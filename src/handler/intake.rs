//! The handler `intake`: a batch's pushes go to the push queue, and nothing is fetched.

use std::sync::Arc;

use super::Invocation;
use crate::aws::sqs::{NewMessage, Queue};
use crate::batch::{self, Failure, Message, MessageOutcome};
use crate::config::IntakeConfig;
use crate::event;
use crate::intake::{self, Forwarding};
use crate::report::Metrics;

/// What is kept from one invocation to the next.
pub(super) struct Intake {
    pub queue: Arc<Queue>,
    pub config: IntakeConfig,
}

impl Intake {
    /// Forwards the pushes of a batch, and returns what failed, in the batch's order.
    pub(super) async fn handle(
        &self,
        invocation: &Invocation,
        messages: Vec<Message>,
    ) -> Vec<Failure> {
        let begun = Metrics::begin();
        let report = |message: &Message, outcome: MessageOutcome<'_>| {
            invocation.reporter.report(message, outcome, begun.clone());
        };
        let read = |body: &str| {
            let request = event::parse(body)?;
            Ok(self.config.selection.apply(request))
        };
        let (pushes, mut failures) = batch::read(messages, read, report);
        let pushes = pushes.into_iter().map(Forwarding::new).collect();
        let url = &self.config.push_queue_url;
        let stop = invocation.stop;
        let send = async |messages: &[NewMessage<'_>]| self.queue.send(url, messages).await;
        let max_receive_count = async || invocation.source_queue.max_receive_count(stop).await;
        let forwarded = intake::forward(pushes, stop, send, max_receive_count).await;
        for (forwarding, outcome) in forwarded {
            let (number, message, push) = forwarding.received;
            match outcome {
                Ok(()) => report(&message, MessageOutcome::Forwarded(&push)),
                Err(error) => {
                    report(&message, MessageOutcome::Failed(Some(&push), &error));
                    failures.push((number, Failure { message, error }));
                }
            }
        }
        batch::in_order(failures)
    }
}
