//! Every push to AWS CodeCommit, on any branch, gets its own CodeBuild build.
//!
//! EventBridge puts each push into an SQS FIFO queue, and Lambda hands this function the queue's
//! messages in batches. The map, in reading order:
//!
//! - [`config`]: the environment, read once; [`references`]: which references are built.
//! - [`error`]: what can go wrong, and what is done with the message then.
//! - [`report`]: the one line in the log that each message leaves, its metrics included.
//! - [`batch`]: a batch of messages, sorted into lanes; what failed, and when it comes back.
//! - [`event`]: one message's body becomes a push, or says why it is none.
//! - [`publish`]: the story of one push, from top to bottom. It calls on
//!   - [`tree`]: the walk, from a commit to every entry, each folder verified;
//!   - [`blobs`]: the contents, each fetched once, verified and compressed;
//!   - [`base`]: earlier bundles, and what can be taken over from them;
//!   - [`bundle`]: entries to the bytes of a zip, and such bytes to entries again.
//! - [`room`]: how much of all that is in memory at once.
//! - [`git`]: what a tree and a blob are, and how their ids come about.
//! - [`aws`]: the only files that name the SDK's types.
//!
//! Imports go down this list, never up.

pub mod aws;
pub mod base;
pub mod batch;
pub mod blobs;
pub mod bundle;
pub mod config;
pub mod error;
pub mod event;
pub mod git;
mod log;
pub mod publish;
pub mod references;
pub mod report;
pub mod room;
pub mod tree;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Context, LambdaEvent, service_fn};
use tokio::time::Instant;

use aws::Aws;
use aws::connections::Connections;
use aws::meter::Meter;
use batch::{Failure, Handed, Message};
use config::Config;
use event::{BadMessage, Push, Request, Skip};
use publish::{Delivery, Figures, Home};
use report::{Cost, Notes, Reporter};

/// Clients and configuration: all that is kept from one invocation to the next.
struct Function {
    aws: Aws,
    config: Config,
}

/// Runs as a Lambda function until the process is ended.
///
/// # Errors
///
/// A configuration that cannot be used, or a Lambda Runtime API that does not answer.
pub async fn run() -> Result<(), lambda_runtime::Error> {
    log::start(|name| std::env::var(name).ok());
    let connections = Connections::prepare();
    let config = Config::from_environment()?;
    let aws = Aws::connect(&config, connections).await;
    let function = Arc::new(Function { aws, config });
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| {
        handle(function.clone(), event.payload, event.context)
    }))
    .await
}

async fn handle(
    function: Arc<Function>,
    event: SqsEvent,
    context: Context,
) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let stop = stop(&context);
    let reporter = Reporter {
        function_name: context.env_config.function_name.clone(),
        request_id: context.request_id.clone(),
    };
    let home = home(&context.invoked_function_arn);
    let queue_arn = event
        .records
        .first()
        .and_then(|record| record.event_source_arn.clone())
        .unwrap_or_default();
    let messages = event
        .records
        .into_iter()
        .enumerate()
        .map(|(number, record)| Message::of_record(number, record))
        .collect::<Result<Vec<_>, _>>()?;

    let failures = batch::handle(
        messages,
        stop,
        |body| read(&function.config, body),
        |push, handed| publish_one(function.clone(), home.clone(), push, handed),
        async || function.max_receive_count(&queue_arn).await,
        |message, ending, notes| reporter.report(message, ending, notes),
    )
    .await;
    function.postpone(&queue_arn, &failures).await;

    let mut response = SqsBatchResponse::default();
    for failure in failures {
        response.add_failure(failure.message.id);
    }
    Ok(response)
}

/// What a message asks for, the configuration's say included.
fn read(config: &Config, body: &str) -> Result<Request, BadMessage> {
    let request = event::parse(body)?;
    Ok(match request {
        Request::Build(push) if !config.builds(&push.reference.full_name()) => {
            Request::Skip(Skip::Excluded {
                reference: push.reference.full_name(),
            })
        }
        other => other,
    })
}

/// Publishes one push; notes what it cost, whatever came of it.
async fn publish_one(
    function: Arc<Function>,
    home: Home,
    push: Push,
    handed: Handed,
) -> (Result<(), error::Error>, Notes) {
    let begun = Instant::now();
    let delivery = Delivery {
        redelivered: handed.may_be_repeated(&push),
        stop: handed.stop,
        home,
        meter: Meter::default(),
    };
    let mut figures = Figures::default();
    let (aws, config) = (&function.aws, &function.config);
    let (published, outcome) =
        match publish::publish(aws, config, &push, &delivery, &mut figures).await {
            Ok(published) => (Some(published), Ok(())),
            Err(error) => (None, Err(error)),
        };
    let notes = Notes {
        published,
        cost: Some(Cost {
            figures,
            calls: delivery.meter.calls(),
            throttled: delivery.meter.throttled(),
            time: begun.elapsed(),
        }),
    };
    (outcome, notes)
}

impl Function {
    /// Deliveries before the dead-letter queue; `None` where it cannot be told, which is the
    /// careful side: a failure then holds up its reference.
    async fn max_receive_count(&self, queue_arn: &str) -> Option<u32> {
        match self.aws.queue.facts(queue_arn).await {
            Ok(facts) => facts.max_receive_count,
            Err(error) => {
                tracing::warn!(%error, "the queue does not tell after how many deliveries it gives up");
                None
            }
        }
    }

    /// Sets when failed messages come back. They do without it, only later.
    async fn postpone(&self, queue_arn: &str, failures: &[Failure]) {
        if failures.is_empty() {
            return;
        }
        let set = async {
            let facts = self.aws.queue.facts(queue_arn).await?;
            let messages = batch::visibility::postponements(failures, facts.max_receive_count);
            self.aws.queue.postpone(&facts, &messages).await
        };
        match tokio::time::timeout(VISIBILITY_TIME, set).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "failed messages come back after the queue's visibility timeout instead");
            }
            Err(_) => {
                tracing::warn!("no time was left to set when failed messages come back");
            }
        }
    }
}

/// What the end of an invocation needs: calls about visibility, and the answer itself.
const VISIBILITY_TIME: Duration = Duration::from_secs(2);

/// What an invocation is taken to have where its deadline is none.
const UNTOLD_TIME: Duration = Duration::from_mins(5);

/// When pushes must have ended so that the invocation can end well. A timeout would fail the whole
/// batch: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>.
fn stop(context: &Context) -> Instant {
    let left = match context.deadline().duration_since(SystemTime::now()) {
        Ok(left) => left,
        // No clock is that wrong: `cargo lambda watch` says ten minutes after the epoch, always.
        Err(past) if past.duration() > Duration::from_hours(24) => UNTOLD_TIME,
        Err(_) => Duration::ZERO,
    };
    // A short time-out, as in a try, still has to leave time for work.
    let margin = (VISIBILITY_TIME + Duration::from_secs(1)).min(left / 4);
    Instant::now() + left - margin
}

/// The function's own account and region: `arn:aws:lambda:eu-west-1:123456789012:function:name`.
fn home(function_arn: &str) -> Home {
    let mut parts = function_arn.split(':').skip(3);
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let region = next();
    Home {
        region,
        account: next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds_left(deadline: SystemTime) -> u64 {
        let mut context = Context::default();
        let since = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        context.deadline = u64::try_from(since.as_millis()).unwrap();
        stop(&context)
            .saturating_duration_since(Instant::now())
            .as_secs()
    }

    #[test]
    fn pushes_end_before_the_deadline_and_a_deadline_that_is_none_leaves_time() {
        let now = SystemTime::now();
        let left = seconds_left(now + Duration::from_mins(1));
        assert!((50..60).contains(&left), "{left}");
        assert_eq!(seconds_left(now - Duration::from_secs(1)), 0);
        let ten_minutes_after_the_epoch = SystemTime::UNIX_EPOCH + Duration::from_mins(10);
        assert!(seconds_left(ten_minutes_after_the_epoch) > 200);
    }
}
