//! The two Lambda handlers: an invocation's messages in, the ids of those that failed out.

mod intake;
mod publish;
mod source_queue;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Context, LambdaEvent, service_fn};
use tokio::time::Instant;

use crate::aws::connections::Connections;
use crate::aws::sqs::Queue;
use crate::aws::{self, Aws};
use crate::batch::{Failure, Message, Outcome, Received};
use crate::config::{Config, ConfigError, IntakeConfig};
use crate::event::Request;
use crate::keys::FunctionLocation;
use crate::log;
use crate::publish::Done;
use crate::report::{Metrics, Reporter};
use crate::selection::Selection;
use intake::Intake;
use publish::Publisher;
use source_queue::SourceQueue;

/// Why the process ends by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// An environment variable is missing or cannot be used.
    #[error("pushbuild cannot start: {0}")]
    Configuration(#[from] ConfigError),
    /// The runtime went away, as `sam local invoke` does after each invocation.
    #[error("pushbuild ends: Lambda's Runtime API does not answer any more ({0})")]
    RuntimeApi(lambda_runtime::Error),
}

/// Runs as a Lambda function until the process is ended.
///
/// # Errors
///
/// A configuration that cannot be used, or a Lambda Runtime API that does not answer.
pub async fn run() -> Result<(), RunError> {
    let variable =
        |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    log::start(variable);
    let connections = Connections::prepare();
    // One binary has both handlers. A custom runtime's handler may have any name: all but `intake`
    // mean `publish`.
    if variable("_HANDLER").as_deref() == Some("intake") {
        let config = IntakeConfig::read(variable)?;
        let queue = aws::connect_queue(connections).await;
        serve(Intake { queue, config }).await
    } else {
        let config = Config::read(variable)?;
        let aws = Aws::connect(&config, connections).await;
        serve(Publisher { aws, config }).await
    }
}

/// One of the two handlers.
trait Handler {
    /// The client for the queue that the messages come from.
    fn queue(&self) -> &Arc<Queue>;

    fn selection(&self) -> &Selection;

    /// Works on pushes, and returns what failed.
    async fn handle(
        self: Arc<Self>,
        invocation: Arc<Invocation>,
        pushes: Vec<Received>,
    ) -> Vec<Failure>;
}

/// Answers invocations until the process is ended.
async fn serve(handler: impl Handler) -> Result<(), RunError> {
    let handler = Arc::new(handler);
    let ended = lambda_runtime::run(service_fn(|event| answer(handler.clone(), event))).await;
    ended.map_err(RunError::RuntimeApi)
}

/// What both handlers know of one invocation.
struct Invocation {
    reporter: Reporter,
    location: FunctionLocation,
    source_queue: SourceQueue,
    /// When the work must have ended.
    stop: Instant,
}

impl Invocation {
    /// Reports what became of a message; returns it if it failed.
    fn end(&self, message: Message, outcome: Outcome, metrics: Metrics) -> Option<Failure> {
        self.reporter.report(&message, &outcome, metrics);
        outcome.err().map(|error| Failure { message, error })
    }
}

/// Works on an event's messages, and tells Lambda which ones failed.
async fn answer(
    handler: Arc<impl Handler>,
    event: LambdaEvent<SqsEvent>,
) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let (event, context) = event.into_parts();
    let (stop, end) = deadlines(&context);
    let first = event.records.first();
    let queue_arn = first.and_then(|record| record.event_source_arn.clone());
    let messages = event.records.into_iter().enumerate();
    let messages = messages
        .map(|(number, record)| Message::of_record(number, record))
        .collect::<Result<Vec<_>, _>>()?;

    let queue = handler.queue().clone();
    let invocation = Arc::new(Invocation {
        reporter: Reporter {
            function_name: context.env_config.function_name.clone(),
            request_id: context.request_id.clone(),
        },
        location: FunctionLocation::of_arn(&context.invoked_function_arn),
        source_queue: SourceQueue::new(queue, queue_arn.unwrap_or_default(), stop),
        stop,
    });
    let (mut pushes, mut failures) = (Vec::new(), Vec::new());
    for message in messages {
        let outcome = match handler.selection().read(&message.body) {
            Ok(Request::Build(push)) => {
                pushes.push(Received { message, push });
                continue;
            }
            Ok(Request::Skip(skip)) => Ok(Done::Skipped(skip)),
            Err(error) => Err(error.into()),
        };
        failures.extend(invocation.end(message, outcome, Metrics::begin()));
    }
    // Boxed: together with what calls this, the future's type is too deep for the compiler.
    failures.extend(Box::pin(handler.handle(invocation.clone(), pushes)).await);
    let source_queue = &invocation.source_queue;
    Box::pin(source_queue.set_back_offs(&failures, end)).await;

    let mut response = SqsBatchResponse::default();
    for failure in failures {
        response.add_failure(failure.message.id);
    }
    Ok(response)
}

/// Time to set when failed messages come back.
const VISIBILITY_TIME: Duration = Duration::from_secs(1);

/// Time for the answer to reach Lambda.
const ANSWER_TIME: Duration = Duration::from_millis(500);

/// Time assumed where the deadline is unusable.
const ASSUMED_TIME: Duration = Duration::from_mins(5);

/// When the pushes must have ended, and when the calls about visibility. A timeout would fail the
/// whole batch: <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>.
fn deadlines(context: &Context) -> (Instant, Instant) {
    let left = match context.deadline().duration_since(SystemTime::now()) {
        Ok(left) => left,
        // `cargo lambda watch` always sends a deadline in 1970.
        Err(past) if past.duration() > Duration::from_hours(24) => ASSUMED_TIME,
        Err(_) => Duration::ZERO,
    };
    // A short timeout, as in a trial, must still leave time for work.
    let margin = (VISIBILITY_TIME + ANSWER_TIME).min(left / 4);
    let stop = Instant::now() + left - margin;
    (stop, stop + margin * 2 / 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes_end_before_the_deadline_and_an_unusable_deadline_leaves_time() {
        let now = SystemTime::now();
        let ten_minutes_after_the_epoch = SystemTime::UNIX_EPOCH + Duration::from_mins(10);
        for (deadline, seconds) in [
            (now + Duration::from_mins(1), 50..60),
            (now - Duration::from_secs(1), 0..1),
            (ten_minutes_after_the_epoch, 200..300),
        ] {
            let since = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let mut context = Context::default();
            context.deadline = u64::try_from(since.as_millis()).unwrap();
            let (stop, end) = deadlines(&context);
            assert!(stop <= end);
            let left = stop.saturating_duration_since(Instant::now()).as_secs();
            assert!(seconds.contains(&left), "{left}");
        }
    }
}
