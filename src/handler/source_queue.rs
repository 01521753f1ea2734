//! The queue that an invocation's messages came from. It is called only after a failure, and never
//! for long: where SQS does not answer (a VPC without its endpoint), the pushes that succeeded must
//! not be lost with the invocation.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use crate::aws::sqs::{Queue, QueueSettings};
use crate::batch::{Failure, visibility};

/// Time for the queue's settings. SQS answers within milliseconds.
const SETTINGS_TIME: Duration = Duration::from_secs(3);

/// The queue of one invocation.
pub(super) struct SourceQueue {
    queue: Arc<Queue>,
    arn: String,
    /// Asked for once, however many lanes need them; `None` where SQS did not answer.
    settings: OnceCell<Option<QueueSettings>>,
}

impl SourceQueue {
    pub(super) fn new(queue: Arc<Queue>, arn: String) -> Self {
        Self {
            queue,
            arn,
            settings: OnceCell::new(),
        }
    }

    /// Deliveries before the dead-letter queue. `None` without such a queue, and where SQS does not
    /// answer: the lane then waits behind its failure, which keeps the order.
    pub(super) async fn max_receive_count(&self, stop: Instant) -> Option<u32> {
        let limit = stop.min(Instant::now() + SETTINGS_TIME);
        let settings = self.settings.get_or_init(|| async {
            match timeout_at(limit, self.queue.settings(&self.arn)).await {
                Ok(Ok(settings)) => return Some(settings),
                Ok(Err(error)) => tracing::warn!(%error, "the queue's settings cannot be read"),
                Err(_) => tracing::warn!("SQS does not answer with the queue's settings"),
            }
            None
        });
        settings.await.as_ref()?.max_receive_count
    }

    /// Sets when failed messages come back. Where that fails they come back after the queue's
    /// visibility timeout instead.
    pub(super) async fn set_back_offs(&self, failures: &[Failure], end: Instant) {
        if failures.is_empty() {
            return;
        }
        let set = async {
            let settings = match self.settings.get() {
                Some(Some(settings)) => settings.clone(),
                _ => self.queue.settings(&self.arn).await?,
            };
            let changes = visibility::changes(failures, settings.max_receive_count);
            self.queue.change_visibility(&settings, &changes).await
        };
        match timeout_at(end, set).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "failed messages come back after the queue's visibility timeout instead");
            }
            Err(_) => tracing::warn!("no time was left to set when failed messages come back"),
        }
    }
}
