//! The handler `intake`: a batch's pushes go to the push queue, and nothing is fetched.

use std::sync::Arc;

use super::{Handler, Invocation};
use crate::aws::sqs::{NewMessage, Queue};
use crate::batch::{Failure, Received};
use crate::config::IntakeConfig;
use crate::intake;
use crate::report::Metrics;
use crate::selection::Selection;

/// What is kept from one invocation to the next.
pub(super) struct Intake {
    pub queue: Arc<Queue>,
    pub config: IntakeConfig,
}

impl Handler for Intake {
    fn queue(&self) -> &Arc<Queue> {
        &self.queue
    }

    fn selection(&self) -> &Selection {
        &self.config.selection
    }

    async fn handle(
        self: Arc<Self>,
        invocation: Arc<Invocation>,
        pushes: Vec<Received>,
    ) -> Vec<Failure> {
        let begun = Metrics::begin();
        let url = &self.config.push_queue_url;
        let send = async |messages: &[NewMessage<'_>]| self.queue.send(url, messages).await;
        let max_receive_count = async || invocation.source_queue.max_receive_count().await;
        let outcomes = intake::forward(pushes, invocation.stop, send, max_receive_count).await;
        let end = |(message, outcome)| invocation.end(message, outcome, begun.clone());
        outcomes.into_iter().filter_map(end).collect()
    }
}
