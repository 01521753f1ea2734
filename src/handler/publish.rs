//! The handler `publish`: a batch's pushes are bundled and built.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{Instant, timeout_at};

use super::{Handler, Invocation};
use crate::aws::Aws;
use crate::aws::codecommit::CallCounts;
use crate::aws::sqs::Queue;
use crate::batch::{self, Failure, Message, Outcome, Received, Work};
use crate::config::Config;
use crate::error::Error;
use crate::event::Push;
use crate::publish::{Delivery, Done, Figures, FirstBundles, milliseconds};
use crate::report::Metrics;
use crate::selection::Selection;

/// What is kept from one invocation to the next.
pub(super) struct Publisher {
    pub aws: Aws,
    pub config: Config,
}

impl Handler for Publisher {
    fn queue(&self) -> &Arc<Queue> {
        &self.aws.queue
    }

    fn selection(&self) -> &Selection {
        &self.config.selection
    }

    async fn handle(
        self: Arc<Self>,
        invocation: Arc<Invocation>,
        pushes: Vec<Received>,
    ) -> Vec<Failure> {
        self.aws.bundles.set_owner(&invocation.location.account);
        let (lanes_at_once, stop) = (self.aws.pushes, invocation.stop);
        let work = PublishBatch {
            publisher: self,
            invocation,
            first_bundles: FirstBundles::default(),
        };
        batch::handle(&Arc::new(work), pushes, lanes_at_once, stop).await
    }
}

/// The work of one invocation.
struct PublishBatch {
    publisher: Arc<Publisher>,
    invocation: Arc<Invocation>,
    first_bundles: FirstBundles,
}

impl Work for PublishBatch {
    type Metrics = Metrics;

    async fn publish(self: Arc<Self>, push: Push, redelivered: bool) -> (Outcome, Metrics) {
        let begun = Instant::now();
        let mut metrics = Metrics::begin();
        let delivery = Delivery {
            aws: &self.publisher.aws,
            config: &self.publisher.config,
            push: &push,
            redelivered,
            stop: self.invocation.stop,
            first_bundles: &self.first_bundles,
            location: &self.invocation.location,
            counts: CallCounts::default(),
        };
        let mut figures = Figures::default();
        let publishing = delivery.publish(&mut figures);
        let late = Error::OutOfTime("the invocation ends before the push is published");
        let published = timeout_at(delivery.stop, publishing).await;
        let outcome = published.unwrap_or(Err(late));
        if !matches!(outcome, Ok(Done::Skipped(_))) {
            figures.calls = delivery.counts.sent.load(Ordering::Relaxed);
            figures.throttled = delivery.counts.throttled.load(Ordering::Relaxed);
            figures.ms = milliseconds(begun.elapsed());
            metrics.figures = Some(figures);
        }
        (outcome, metrics)
    }

    async fn max_receive_count(&self) -> Option<u32> {
        self.invocation.source_queue.max_receive_count().await
    }

    fn report(&self, message: &Message, outcome: &Outcome, metrics: Metrics) {
        self.invocation.reporter.report(message, outcome, metrics);
    }
}
