//! The handler `intake`: a batch's pushes go to the push queue, and nothing is fetched.

use std::sync::Arc;

use super::Invocation;
use crate::aws::sqs::{NewMessage, Queue};
use crate::batch::{Failure, Message, MessageOutcome};
use crate::config::IntakeConfig;
use crate::event::{self, Request};
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
        let mut failures = Vec::new();
        let mut pushes = Vec::new();
        for (number, message) in messages.into_iter().enumerate() {
            match event::parse(&message.body).map(|request| self.config.selection.apply(request)) {
                Ok(Request::Build(push)) => pushes.push(Forwarding::new(number, message, push)),
                Ok(Request::Skip(skip)) => report(&message, MessageOutcome::Skipped(&skip)),
                Err(error) => {
                    let error = error.into();
                    report(&message, MessageOutcome::Failed(None, &error));
                    failures.push((number, Failure { message, error }));
                }
            }
        }
        let url = &self.config.push_queue_url;
        let stop = invocation.stop;
        let send = async |messages: &[NewMessage<'_>]| self.queue.send(url, messages).await;
        let max_receive_count = async || invocation.source_queue.max_receive_count(stop).await;
        let forwarded = intake::forward(pushes, stop, send, max_receive_count).await;
        for (forwarding, outcome) in forwarded {
            let Forwarding {
                number,
                message,
                push,
                ..
            } = forwarding;
            match outcome {
                Ok(()) => report(&message, MessageOutcome::Forwarded(&push)),
                Err(error) => {
                    report(&message, MessageOutcome::Failed(Some(&push), &error));
                    failures.push((number, Failure { message, error }));
                }
            }
        }
        failures.sort_by_key(|(number, _)| *number);
        failures.into_iter().map(|(_, failure)| failure).collect()
    }
}
