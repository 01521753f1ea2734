//! The queue that an invocation's messages came from. It is called only after a failure, and never
//! for long: where SQS does not answer (a VPC without its endpoint), the pushes that succeeded must
//! not be lost with the invocation.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::{Instant, timeout_at};

use crate::aws::sqs::Queue;
use crate::batch::{Failure, visibility};

/// Time for the queue's settings. SQS answers within milliseconds.
const SETTINGS_TIME: Duration = Duration::from_secs(3);

/// The queue of one invocation.
pub(super) struct SourceQueue {
    queue: Arc<Queue>,
    arn: String,
    /// When the invocation's work must have ended.
    stop: Instant,
    /// Asked for once, however many lanes need it.
    max_receive_count: OnceCell<Option<u32>>,
}

impl SourceQueue {
    pub(super) fn new(queue: Arc<Queue>, arn: String, stop: Instant) -> Self {
        Self {
            queue,
            arn,
            stop,
            max_receive_count: OnceCell::new(),
        }
    }

    /// Deliveries before the dead-letter queue. `None` without such a queue, and where SQS does not
    /// answer: the lane then waits behind its failure, which keeps the order.
    pub(super) async fn max_receive_count(&self) -> Option<u32> {
        let limit = self.stop.min(Instant::now() + SETTINGS_TIME);
        let count = self.max_receive_count.get_or_init(|| async {
            match timeout_at(limit, self.queue.settings(&self.arn)).await {
                Ok(Ok(settings)) => return settings.max_receive_count,
                Ok(Err(error)) => tracing::warn!(%error, "the queue's settings cannot be read"),
                Err(_) => tracing::warn!("SQS does not answer with the queue's settings"),
            }
            None
        });
        *count.await
    }

    /// Sets when failed messages come back. Where that fails, they come back after the queue's
    /// visibility timeout.
    pub(super) async fn set_back_offs(&self, failures: &[Failure], end: Instant) {
        if failures.is_empty() {
            return;
        }
        let set = async {
            let settings = self.queue.settings(&self.arn).await?;
            let changes = visibility::changes(failures, settings.max_receive_count);
            self.queue.change_visibility(&settings, &changes).await
        };
        match timeout_at(end, set).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "failed messages come back after the queue's visibility timeout instead");
            }
            Err(_) => tracing::warn!("no time for back-offs: the visibility timeout holds instead"),
        }
    }
}
