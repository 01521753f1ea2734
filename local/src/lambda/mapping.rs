//! An event source mapping: queue messages to invocations, and their answers to deletions.
//!
//! Source: "Using Lambda with Amazon SQS" in Lambda's guide. A message is deleted only where the
//! function's answer says that it is handled; everything else stays in the queue until its
//! visibility timeout ends. The queue itself sees to it that only one batch at a time holds
//! messages of a message group.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::Invocation;
use super::batch_response::failures;
use super::function::Function;
use crate::sqs::{Message, Sqs, arn};

/// SQS's long polling, on the local AWS's clock.
const LONG_POLL: Duration = Duration::from_secs(20);

/// Messages in a batch: a FIFO queue has no larger ones.
const BATCH_SIZE: usize = 10;

/// Batches at once, as in the template.
const CONCURRENCY: usize = 10;

#[derive(Clone, Debug)]
pub struct BatchOutcome {
    /// The messages, in the order they were handed over.
    pub message_ids: Vec<String>,
    /// How the function's invocation ended.
    pub invocation: Invocation,
    /// Real time of the invocation, with the start of a process where one was needed.
    pub took: Duration,
    /// The messages that its answer says have failed, or why it makes no sense; `None` without an
    /// answer.
    pub response: Option<Result<BTreeSet<String>, String>>,
    pub deleted: Vec<String>,
    /// The messages that stay in the queue, and will be delivered again or go to the dead-letter
    /// queue.
    pub kept: Vec<String>,
}

/// A mapping at work. Dropped, it stops at once and ends the invocations that run.
pub struct EventSourceMapping {
    shared: Arc<Shared>,
    _polling: JoinSet<()>,
}

struct Shared {
    sqs: Sqs,
    queue_url: String,
    function: Arc<Function>,
    outcomes: Mutex<Vec<BatchOutcome>>,
}

impl EventSourceMapping {
    pub(crate) fn start(sqs: Sqs, queue_url: &str, function: Arc<Function>) -> Self {
        let shared = Arc::new(Shared {
            sqs,
            queue_url: queue_url.to_owned(),
            function,
            outcomes: Mutex::default(),
        });
        let mut polling = JoinSet::new();
        polling.spawn(poll(shared.clone()));
        Self {
            shared,
            _polling: polling,
        }
    }

    pub fn queue_url(&self) -> &str {
        &self.shared.queue_url
    }

    /// How many batches are with the function now, and when the next one will be if nothing is
    /// sent or changed.
    pub fn batches(&self) -> (usize, Option<SystemTime>) {
        // In this order: a batch that is received or ends in between counts as one at work.
        let ended = self.ended();
        let (received, next) = self.shared.sqs.receives(&self.shared.queue_url);
        (received - ended, next)
    }

    /// How many batches have ended.
    pub fn ended(&self) -> usize {
        self.shared.outcomes.lock().len()
    }

    pub fn outcomes(&self) -> Vec<BatchOutcome> {
        self.shared.outcomes.lock().clone()
    }
}

async fn poll(shared: Arc<Shared>) {
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let mut batches = JoinSet::new();
    loop {
        // The semaphore is never closed.
        let permit = permits.clone().acquire_owned().await.ok();
        let messages = shared.sqs.receive(&shared.queue_url, BATCH_SIZE, LONG_POLL);
        let Ok(messages) = messages.await else {
            return;
        };
        while batches.try_join_next().is_some() {}
        if !messages.is_empty() {
            let shared = shared.clone();
            batches.spawn(async move {
                shared.batch(&messages).await;
                drop(permit);
            });
        }
    }
}

impl Shared {
    async fn batch(&self, messages: &[Message]) {
        let arn = arn(&self.queue_url);
        let records = messages.iter().map(|message| message.lambda_record(&arn));
        let event = json!({"Records": records.collect::<Vec<_>>()}).to_string();
        let begun = Instant::now();
        let invocation = self.function.invoke(event).await;
        let took = begun.elapsed();
        let ids: Vec<_> = messages.iter().map(|it| it.message_id.clone()).collect();
        let response = match &invocation {
            Invocation::Answer(answer) => Some(failures(answer, &ids.iter().cloned().collect())),
            _ => None,
        };
        let (mut deleted, mut kept) = (Vec::new(), Vec::new());
        for message in messages {
            let id = message.message_id.clone();
            let is_handled = matches!(&response, Some(Ok(failures)) if !failures.contains(&id));
            // A deletion fails where the message has become visible in the meantime.
            let handle = &message.receipt_handle;
            let done = is_handled && self.sqs.delete(&self.queue_url, handle).is_ok();
            if done { &mut deleted } else { &mut kept }.push(id);
        }
        let outcome = BatchOutcome {
            message_ids: ids,
            invocation,
            took,
            response,
            deleted,
            kept,
        };
        self.outcomes.lock().push(outcome);
    }
}
