//! The handler `publish`: a batch's pushes are bundled and built.

use std::sync::Arc;

use tokio::time::Instant;

use super::Invocation;
use crate::aws::Aws;
use crate::aws::codecommit::CallCounts;
use crate::batch::{self, Completed, Failure, Message, MessageOutcome, Work};
use crate::config::Config;
use crate::error::Error;
use crate::event::{self, BadMessage, Push, Request};
use crate::publish::{self, Delivery, Done, Figures, FirstBundles};
use crate::report::{Cost, Metrics};

/// What is kept from one invocation to the next.
pub(super) struct Publisher {
    pub aws: Aws,
    pub config: Config,
}

impl Publisher {
    /// Builds the pushes of a batch, and returns what failed, in the batch's order.
    pub(super) async fn handle(
        self: Arc<Self>,
        invocation: Arc<Invocation>,
        messages: Vec<Message>,
    ) -> Vec<Failure> {
        let stop = invocation.stop;
        let account = &invocation.location.account;
        self.aws.bundles.set_owner(account);
        let work = PublishBatch {
            publisher: self,
            invocation,
            first_bundles: Arc::default(),
        };
        batch::handle(&Arc::new(work), messages, stop).await
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
        let request = event::parse(body)?;
        Ok(self.publisher.config.selection.apply(request))
    }

    async fn publish(
        self: Arc<Self>,
        push: Push,
        may_be_repeated: bool,
    ) -> (Result<Completed, Error>, Metrics) {
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
        let done = publish::publish(aws, config, &push, &delivery, &mut figures).await;
        metrics.cost = Some(Cost {
            figures,
            calls: delivery.counts.calls(),
            throttled: delivery.counts.throttled(),
            time: begun.elapsed(),
        });
        let result = match done {
            Ok(Done::Published(published)) => {
                metrics.published = Some(published);
                Ok(Completed::Built)
            }
            Ok(Done::Skipped(skip)) => {
                metrics.cost = None;
                Ok(Completed::Skipped(skip))
            }
            Err(error) => Err(error),
        };
        (result, metrics)
    }

    async fn max_receive_count(&self) -> Option<u32> {
        let Invocation {
            source_queue, stop, ..
        } = &*self.invocation;
        source_queue.max_receive_count(*stop).await
    }

    fn report(&self, message: &Message, outcome: MessageOutcome<'_>, metrics: Metrics) {
        self.invocation.reporter.report(message, outcome, metrics);
    }
}
