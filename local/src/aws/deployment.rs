//! pushbuild as its template deploys it, on the local AWS: a versioned bucket, a FIFO queue with
//! its dead-letter queue, the function, and the mapping between them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use anyhow::Context as _;

use super::{LocalAws, Options};
use crate::clock::Clock;
use crate::events::RepositoryEvent;
use crate::lambda::{EventSourceMapping, Function, FunctionLog, FunctionOptions, MappingOptions};
use crate::sqs::{QueueOptions, Snapshot, Sqs};

/// What is deployed. The defaults are the template's.
#[derive(Clone, Debug)]
pub struct DeployOptions {
    /// The function's executable.
    pub program: PathBuf,
    /// Its arguments, for a program that is more than the function.
    pub args: Vec<String>,
    /// Environment variables of the function; `CODE_BUCKET` and `AWS_ENDPOINT_URL` are
    /// set, and `REPOSITORIES` to `*`.
    pub env: BTreeMap<String, String>,
    /// The function's name, and the start of its queues' names.
    pub name: String,
    /// The bundles' bucket.
    pub bucket: String,
    /// Real time for one invocation.
    pub timeout: Duration,
    /// How long a received message stays invisible, on the local AWS's clock; six times the
    /// timeout if not given, as Lambda's guide recommends.
    pub visibility_timeout: Option<Duration>,
    /// Receives of a message before it goes to the dead-letter queue.
    pub max_receive_count: u32,
    /// Told to the function, and not enforced.
    pub memory_mb: u32,
    /// Whether the function's lines also go to standard error as they come.
    pub print: bool,
    /// How the queue is polled, and what is made of answers.
    pub mapping: MappingOptions,
}

impl DeployOptions {
    /// `program` as the function, with the template's defaults.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            name: "pushbuild".to_owned(),
            bucket: "pushbuild-bundles".to_owned(),
            timeout: Duration::from_mins(5),
            visibility_timeout: None,
            max_receive_count: 2,
            memory_mb: 512,
            print: false,
            mapping: MappingOptions::default(),
        }
    }
}

/// A running deployment. Dropped, it stops at once and ends the function's processes.
pub struct Deployment {
    account: String,
    region: String,
    clock: Clock,
    sqs: Sqs,
    bucket: String,
    queue_url: String,
    dead_letter_url: String,
    function: Function,
    mapping: EventSourceMapping,
}

impl LocalAws {
    /// Deploys pushbuild. CodeBuild's projects and CodeCommit's repositories are the caller's.
    ///
    /// # Errors
    /// When the bucket or a queue cannot be created: a name that is not allowed, or one that is
    /// taken with other options.
    pub fn deploy(&self, options: DeployOptions) -> anyhow::Result<Deployment> {
        let DeployOptions {
            name,
            bucket,
            timeout,
            mapping,
            max_receive_count,
            ..
        } = options;
        let visibility_timeout = options.visibility_timeout.unwrap_or(timeout * 6);
        self.s3
            .create_bucket(&bucket, true)
            .with_context(|| format!("creating the bucket {bucket}"))?;
        let queue = |suffix: &str, dead_letter: Option<(String, u32)>, retention| {
            let queue = format!("{name}-{suffix}.fifo");
            let options = QueueOptions {
                visibility_timeout,
                dead_letter,
                retention,
                ..QueueOptions::default()
            };
            self.sqs
                .create_queue(&queue, options)
                .with_context(|| format!("creating the queue {queue}"))
        };
        let dead_letter_url = queue("dead-letters", None, Duration::from_hours(14 * 24))?;
        let dead_letter = (self.sqs.arn(&dead_letter_url), max_receive_count);
        let queue_url = queue("pushes", Some(dead_letter), Duration::from_hours(4 * 24))?;
        let mut env = BTreeMap::from([
            ("AWS_ENDPOINT_URL".to_owned(), self.endpoint()),
            ("CODE_BUCKET".to_owned(), bucket.clone()),
            ("REPOSITORIES".to_owned(), "*".to_owned()),
        ]);
        env.extend(options.env);
        self.calls.deployed(&serde_json::json!({
            "deployed": name,
            "program": options.program.file_name().map(|name| name.to_string_lossy()),
            "queue": self.sqs.arn(&queue_url),
            "environment": env,
        }));
        let Options {
            region,
            account,
            clock,
            ..
        } = self.options.clone();
        let function = Function::new(FunctionOptions {
            program: options.program,
            args: options.args,
            env,
            name,
            memory_mb: options.memory_mb,
            timeout,
            concurrency: mapping.maximum_concurrency,
            print: options.print,
            region: region.clone(),
            account: account.clone(),
        });
        self.watch(&function);
        let sqs = self.sqs.clone();
        let mapping = EventSourceMapping::start(sqs.clone(), &queue_url, function.clone(), mapping);
        Ok(Deployment {
            account,
            region,
            clock,
            sqs,
            bucket,
            queue_url,
            dead_letter_url,
            function,
            mapping,
        })
    }
}

impl Deployment {
    /// Sends the event of a push, as CodeCommit, EventBridge and the rule of the repository do,
    /// and returns the event's id. `reference` is a full name, or a branch's; without `old` the
    /// reference is new.
    ///
    /// # Errors
    /// When SQS refuses the message.
    pub fn send_push(
        &self,
        repository: &str,
        reference: &str,
        commit: &str,
        old: Option<&str>,
    ) -> anyhow::Result<String> {
        let full = if reference.starts_with("refs/") {
            reference.to_owned()
        } else {
            format!("refs/heads/{reference}")
        };
        let event = match old {
            Some(old) => RepositoryEvent::updated(repository, &full, commit, old),
            None => RepositoryEvent::created(repository, &full, commit),
        };
        let event = event.from(&self.account, &self.region, self.clock.now());
        self.send_event(&event)?;
        Ok(event.id)
    }

    /// Sends an event in the message group of its repository, and returns the message id.
    ///
    /// # Errors
    /// When SQS refuses the message.
    pub fn send_event(&self, event: &RepositoryEvent) -> anyhow::Result<String> {
        let repository = event.detail["repositoryName"].as_str().unwrap_or("none");
        self.send_body(&event.json().to_string(), repository)
    }

    /// Sends any body in any message group, and returns the message id.
    ///
    /// # Errors
    /// When SQS refuses the message.
    pub fn send_body(&self, body: &str, group: &str) -> anyhow::Result<String> {
        Ok(self.sqs.send(&self.queue_url, body, group)?)
    }

    /// Waits until the queue holds nothing, not even in flight, and no batch is with the function;
    /// `timeout` is real time.
    ///
    /// # Errors
    /// What is left when the time is over.
    pub async fn idle(&self, timeout: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + timeout;
        loop {
            let changed = self.sqs.changed();
            let batches = self.mapping.in_flight();
            if self.sqs.is_empty(&self.queue_url) && batches == 0 {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let left: Vec<_> = self
                    .sqs
                    .messages(&self.queue_url)
                    .iter()
                    .map(|left| left.body.clone())
                    .collect();
                anyhow::bail!(
                    "after {timeout:?}, {batches} batches are at work and these messages left: {left:#?}"
                );
            }
            // A batch ends without a change where its messages stay.
            let _ = tokio::time::timeout(Duration::from_millis(20), changed).await;
        }
    }

    /// When the next message will be visible, if until then nothing can happen: no batch is with
    /// the function, and all messages are invisible. A clock that stands still can be put forward
    /// to it.
    pub fn next_visible(&self) -> Option<SystemTime> {
        // In this order: a batch that is received or ends in between counts as one at work.
        let ended = self.mapping.ended();
        let (batches, next) = self.sqs.receives(&self.queue_url);
        next.filter(|next| batches == ended && *next > self.clock.now())
    }

    /// The queue of the pushes.
    pub fn queue_url(&self) -> &str {
        &self.queue_url
    }

    /// The queue of those that could not be built.
    pub fn dead_letter_url(&self) -> &str {
        &self.dead_letter_url
    }

    /// The messages that could not be built.
    pub fn dead_letters(&self) -> Vec<Snapshot> {
        self.sqs.messages(&self.dead_letter_url)
    }

    /// The bundles' bucket.
    pub fn bucket(&self) -> &str {
        &self.bucket
    }

    /// The function.
    pub fn function(&self) -> &Function {
        &self.function
    }

    /// What the function's processes write.
    pub fn function_log(&self) -> &FunctionLog {
        self.function.log()
    }

    /// The mapping between queue and function.
    pub fn mapping(&self) -> &EventSourceMapping {
        &self.mapping
    }

    /// Takes no more messages, waits for the batches at work, and ends the function's processes.
    pub async fn stop(self) {
        self.mapping.stop().await;
    }
}
