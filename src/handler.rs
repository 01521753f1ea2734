//! The Lambda handler: an invocation's messages in, the ids of those that failed out.

mod invocation;
mod source_queue;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Context, LambdaEvent, service_fn};
use tokio::time::Instant;

use crate::aws::Aws;
use crate::aws::connections::Connections;
use crate::batch::{self, Message};
use crate::config::{Config, ConfigError};
use crate::log;
use crate::publish::FunctionLocation;
use crate::report::Reporter;
use invocation::Invocation;
use source_queue::SourceQueue;

/// Clients and configuration: all that is kept from one invocation to the next.
struct Function {
    aws: Aws,
    config: Config,
}

/// Why the process ends by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A variable of the environment is missing or cannot be used.
    #[error("pushbuild cannot start: {0}")]
    Configuration(#[from] ConfigError),
    /// What runs the function went away, as `sam local invoke` does after each invocation.
    #[error("pushbuild ends: Lambda's Runtime API does not answer any more ({0})")]
    RuntimeApi(lambda_runtime::Error),
}

/// Runs as a Lambda function until the process is ended.
///
/// # Errors
///
/// A configuration that cannot be used, or a Lambda Runtime API that does not answer.
pub async fn run() -> Result<(), RunError> {
    log::start(|name| std::env::var(name).ok());
    let connections = Connections::prepare();
    let config = Config::from_environment()?;
    let aws = Aws::connect(&config, connections).await;
    let function = Arc::new(Function { aws, config });
    lambda_runtime::run(service_fn(|event: LambdaEvent<SqsEvent>| {
        handle(function.clone(), event.payload, event.context)
    }))
    .await
    .map_err(RunError::RuntimeApi)
}

async fn handle(
    function: Arc<Function>,
    event: SqsEvent,
    context: Context,
) -> Result<SqsBatchResponse, lambda_runtime::Error> {
    let Deadlines { stop, end } = deadlines(&context);
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

    let invocation = Arc::new(Invocation {
        reporter: Reporter {
            function_name: context.env_config.function_name.clone(),
            request_id: context.request_id.clone(),
        },
        location: FunctionLocation::of_arn(&context.invoked_function_arn),
        source_queue: SourceQueue::new(function.aws.queue.clone(), queue_arn),
        stop,
        function,
    });
    let failures = batch::handle(&invocation, messages, stop).await;
    let source_queue = &invocation.source_queue;
    source_queue.set_back_offs(&failures, end).await;

    let mut response = SqsBatchResponse::default();
    for failure in failures {
        response.add_failure(failure.message.id);
    }
    Ok(response)
}

/// Time to set when failed messages come back.
const VISIBILITY_TIME: Duration = Duration::from_secs(2);

/// Time for the answer to reach Lambda.
const ANSWER_TIME: Duration = Duration::from_secs(1);

/// Time assumed where the deadline is unusable.
const ASSUMED_TIME: Duration = Duration::from_mins(5);

/// Until when an invocation may do what. A timeout would fail the whole batch:
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>.
struct Deadlines {
    /// The pushes must have ended.
    stop: Instant,
    /// The calls about visibility must have ended.
    end: Instant,
}

fn deadlines(context: &Context) -> Deadlines {
    let left = match context.deadline().duration_since(SystemTime::now()) {
        Ok(left) => left,
        // `cargo lambda watch` always sends a deadline in 1970.
        Err(past) if past.duration() > Duration::from_hours(24) => ASSUMED_TIME,
        Err(_) => Duration::ZERO,
    };
    // A short timeout, as in a try, still has to leave time for work.
    let margin = (VISIBILITY_TIME + ANSWER_TIME).min(left / 4);
    let stop = Instant::now() + left - margin;
    Deadlines {
        stop,
        end: stop + margin * 2 / 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds_left(deadline: SystemTime) -> u64 {
        let mut context = Context::default();
        let since = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        context.deadline = u64::try_from(since.as_millis()).unwrap();
        let Deadlines { stop, end } = deadlines(&context);
        assert!(stop <= end);
        stop.saturating_duration_since(Instant::now()).as_secs()
    }

    #[test]
    fn pushes_end_before_the_deadline_and_an_unusable_deadline_leaves_time() {
        let now = SystemTime::now();
        let left = seconds_left(now + Duration::from_mins(1));
        assert!((50..60).contains(&left), "{left}");
        assert_eq!(seconds_left(now - Duration::from_secs(1)), 0);
        let ten_minutes_after_the_epoch = SystemTime::UNIX_EPOCH + Duration::from_mins(10);
        assert!(seconds_left(ten_minutes_after_the_epoch) > 200);
    }
}
