//! The handler `publish`: a batch's pushes are bundled and built.

use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::Invocation;
use crate::aws::Aws;
use crate::aws::codecommit::CallCounts;
use crate::batch::{self, Failure, Message, Outcome, Work};
use crate::config::Config;
use crate::error::Error;
use crate::event::{BadMessage, Push, Request};
use crate::publish::{self, Delivery, Done, Figures, FirstBundles, milliseconds};
use crate::report::Metrics;

/// What is kept from one invocation to the next.
pub(super) struct Publisher {
    pub aws: Aws,
    pub config: Config,
}

impl Publisher {
    /// Builds the pushes of a batch, and returns what failed.
    pub(super) async fn handle(
        self: Arc<Self>,
        invocation: Arc<Invocation>,
        messages: Vec<Message>,
    ) -> Vec<Failure> {
        let stop = invocation.stop;
        let account = &invocation.location.account;
        self.aws.bundles.set_owner(account);
        let lanes_at_once = self.aws.pushes;
        let work = PublishBatch {
            publisher: self,
            invocation,
            first_bundles: Arc::default(),
        };
        batch::handle(&Arc::new(work), messages, lanes_at_once, stop).await
    }
}

/// The work of one invocation.
struct PublishBatch {
    publisher: Arc<Publisher>,
    invocation: Arc<Invocation>,
    first_bundles: Arc<FirstBundles>,
}

impl Work for PublishBatch {
    type Metrics = Metrics;

    fn read(&self, body: &str) -> Result<Request, BadMessage> {
        self.publisher.config.selection.read(body)
    }

    async fn publish(self: Arc<Self>, push: Push, may_be_repeated: bool) -> (Outcome, Metrics) {
        let begun = Instant::now();
        let mut metrics = Metrics::begin();
        let delivery = Delivery {
            redelivered: may_be_repeated,
            stop: self.invocation.stop,
            first_bundles: self.first_bundles.clone(),
            location: self.invocation.location.clone(),
            counts: CallCounts::default(),
        };
        let mut figures = Figures::default();
        let Publisher { aws, config } = &*self.publisher;
        let publishing = publish::publish(aws, config, &push, &delivery, &mut figures);
        let late = Error::OutOfTime("the invocation ends before the push is published");
        let published = timeout_at(delivery.stop, publishing).await;
        let outcome = published.unwrap_or(Err(late));
        if !matches!(outcome, Ok(Done::Skipped(_))) {
            figures.calls = delivery.counts.calls();
            figures.throttled = delivery.counts.throttled();
            figures.ms = milliseconds(begun.elapsed());
            metrics.figures = Some(figures);
        }
        (outcome, metrics)
    }

    async fn max_receive_count(&self) -> Option<u32> {
        let invocation = &self.invocation;
        let source_queue = &invocation.source_queue;
        source_queue.max_receive_count(invocation.stop).await
    }

    fn report(&self, message: &Message, outcome: &Outcome, metrics: Metrics) {
        self.invocation.reporter.report(message, outcome, metrics);
    }
}
