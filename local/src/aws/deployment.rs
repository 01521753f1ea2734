//! pushbuild as its template deploys it: the intake queue and the function behind it, the push queue
//! and the function behind that, their dead-letter queue, and a versioned bucket.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;

use super::{ACCOUNT, LocalAws, REGION};
use crate::clock::Clock;
use crate::events::RepositoryEvent;
use crate::lambda::{DeployOptions, EventSourceMapping, Function, FunctionLog, Handler};
use crate::sqs::{Message, QueueOptions, Sqs, arn};

/// The message group that the template's rule gives every event.
const RULE_GROUP: &str = "pushes";

/// A running deployment. Dropped, it stops at once and ends the functions' processes.
pub struct Deployment {
    clock: Clock,
    sqs: Sqs,
    pub bucket: String,
    /// The queue of those that could not be built.
    pub dead_letter_url: String,
    /// What the processes of both functions write.
    pub log: FunctionLog,
    /// The mapping between the intake queue and the function `intake`.
    pub intake: EventSourceMapping,
    /// The mapping between the push queue and the function `publish`.
    pub publish: EventSourceMapping,
}

impl LocalAws {
    /// Deploys pushbuild. CodeBuild's projects and CodeCommit's repositories are the caller's.
    pub fn deploy(&self, mut options: DeployOptions) -> anyhow::Result<Deployment> {
        let (name, bucket) = (options.name.clone(), options.bucket.clone());
        self.s3
            .create_bucket(&bucket)
            .with_context(|| format!("creating the bucket {bucket}"))?;
        let queue = |suffix: &str, options| {
            let queue = format!("{name}-{suffix}.fifo");
            self.sqs.create_queue(&queue, options)
        };
        let dead_letter_url = queue("dead-letters", QueueOptions::default());
        let stage_queue = |suffix, handler, receives| {
            let usual = options.timeout_of(handler) * 6;
            let queue_options = QueueOptions {
                visibility_timeout: options.visibility_timeout.unwrap_or(usual),
                dead_letter: Some((arn(&dead_letter_url), receives)),
                is_push_queue: handler == Handler::Publish,
            };
            queue(suffix, queue_options)
        };
        let intake_receives = options.intake_max_receive_count;
        let intake_url = stage_queue("intake", Handler::Intake, intake_receives);
        let push_url = stage_queue("pushes", Handler::Publish, options.max_receive_count);
        let env = [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("CODE_BUCKET", bucket.clone()),
            ("PUSH_QUEUE_URL", push_url.clone()),
            ("REPOSITORIES", "*".to_owned()),
            // As template.yaml sets it.
            ("MALLOC_ARENA_MAX", "4".to_owned()),
            ("MALLOC_MMAP_THRESHOLD_", "1048576".to_owned()),
            ("MALLOC_TRIM_THRESHOLD_", "2097152".to_owned()),
        ];
        for (name, value) in env {
            options.env.entry(name.to_owned()).or_insert(value);
        }
        check(&options)?;
        self.calls.deployed(&serde_json::json!({
            "deployed": name,
            "program": options.program.file_name().map(|name| name.to_string_lossy()),
            "intake_queue": arn(&intake_url),
            "queue": arn(&push_url),
            "environment": options.env,
        }));
        let log = FunctionLog::default();
        let mapping = |queue_url: &str, handler: Handler| {
            let function = Arc::new(Function::new(handler, options.clone(), log.clone()));
            self.faults.on_kill(&function);
            EventSourceMapping::start(self.sqs.clone(), queue_url, function)
        };
        Ok(Deployment {
            clock: self.clock.clone(),
            sqs: self.sqs.clone(),
            bucket,
            dead_letter_url,
            intake: mapping(&intake_url, Handler::Intake),
            publish: mapping(&push_url, Handler::Publish),
            log,
        })
    }
}

/// What Lambda refuses when a function or its event source mapping is made:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html> and
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html>.
fn check(options: &DeployOptions) -> anyhow::Result<()> {
    let size = |(name, value): (&String, &String)| name.len() + value.len();
    let size: usize = options.env.iter().map(size).sum();
    anyhow::ensure!(
        size <= 4 << 10,
        "a function's environment variables have 4 KB together, and not {size} bytes"
    );
    let visibility = options.visibility_timeout.unwrap_or(Duration::MAX);
    for handler in [Handler::Intake, Handler::Publish] {
        let timeout = options.timeout_of(handler);
        anyhow::ensure!(
            visibility >= timeout,
            "Queue visibility timeout: {visibility:?} is less than Function timeout: {timeout:?}"
        );
    }
    Ok(())
}

impl Deployment {
    /// Sends the event of a push, as CodeCommit and EventBridge do, and returns the event's id.
    /// `reference` is a full name, or a branch's; without `old` the reference is new.
    pub fn send_push(
        &self,
        repository: &str,
        reference: &str,
        commit: &str,
        old: Option<&str>,
    ) -> anyhow::Result<String> {
        let event = RepositoryEvent::pushed(repository, reference, commit, old);
        let event = event.from(ACCOUNT, REGION, self.clock.now());
        self.send_event(&event)?;
        Ok(event.id)
    }

    /// Sends an event to the intake queue, and returns the message id.
    pub fn send_event(&self, event: &RepositoryEvent) -> anyhow::Result<String> {
        self.send_to_intake(&event.json().to_string())
    }

    /// Sends any body to the intake queue as the template's rule does, and returns the message id.
    pub fn send_to_intake(&self, body: &str) -> anyhow::Result<String> {
        let queue_url = self.intake.queue_url();
        Ok(self.sqs.send(queue_url, body, RULE_GROUP)?)
    }

    /// Sends any body to the push queue in any message group, past the intake, and returns the
    /// message id.
    pub fn send_body(&self, body: &str, group: &str) -> anyhow::Result<String> {
        Ok(self.sqs.send(self.publish.queue_url(), body, group)?)
    }

    /// Whether both queues hold nothing, not even in flight, and no batch is with a function.
    pub fn is_idle(&self) -> bool {
        // In this order: a push is in the push queue before it leaves the intake queue.
        [&self.intake, &self.publish].into_iter().all(|mapping| {
            self.sqs.messages(mapping.queue_url()).is_empty() && mapping.batches().0 == 0
        })
    }

    /// What lies in both queues.
    pub fn messages(&self) -> Vec<Message> {
        let mappings = [&self.intake, &self.publish];
        let messages = mappings.map(|mapping| self.sqs.messages(mapping.queue_url()));
        messages.concat()
    }

    /// Waits until it is idle; `timeout` is real time.
    pub async fn idle(&self, timeout: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + timeout;
        loop {
            if self.is_idle() {
                return Ok(());
            }
            let left = self.messages();
            anyhow::ensure!(
                Instant::now() < deadline,
                "after {timeout:?} these messages are left: {left:#?}"
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// When the next message will be visible; `None` while something can happen before: a batch is
    /// with a function, or a message is visible. A clock that stands still can be put forward to it.
    pub fn next_visible(&self) -> Option<SystemTime> {
        let now = self.clock.now();
        let mut earliest = None;
        for mapping in [&self.intake, &self.publish] {
            let (in_flight, next) = mapping.batches();
            if in_flight > 0 || next.is_some_and(|next| next <= now) {
                return None;
            }
            earliest = [earliest, next].into_iter().flatten().min();
        }
        earliest
    }

    pub fn dead_letters(&self) -> Vec<Message> {
        self.sqs.messages(&self.dead_letter_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Options;

    #[tokio::test]
    async fn what_lambda_would_not_create_is_not_deployed() {
        let root = tempfile::tempdir().unwrap();
        let aws = LocalAws::start(Options::new(root.path())).await.unwrap();
        let deploy = |change: fn(&mut DeployOptions)| {
            let mut options = DeployOptions::new("pushbuild");
            change(&mut options);
            aws.deploy(options).err().map(|error| error.to_string())
        };
        let large = |it: &mut DeployOptions| drop(it.env.insert("X".into(), "x".repeat(4095)));
        assert!(deploy(large).unwrap().contains("4 KB together"));
        let refused = deploy(|it| it.visibility_timeout = Some(Duration::from_secs(299)));
        assert!(refused.unwrap().contains("Function timeout: 300s"));
        let fits = deploy(|it| it.visibility_timeout = Some(Duration::from_mins(5)));
        assert_eq!(fits, None);
    }
}
