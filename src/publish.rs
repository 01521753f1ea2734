//! One push, from the queue's message to its build.

mod build;
mod bundle;
mod first_bundle;
mod key;
mod listing;

use std::sync::Arc;
use std::time::Duration;

use metrique::emf::flags::NoMetric;
use metrique::unit::{Byte, Count, Millisecond};
use metrique::unit_of_work::metrics;
use tokio::time::Instant;

use crate::aws::Aws;
use crate::aws::codecommit::{CallCounts, Repository};
use crate::aws::s3::Stored;
use crate::config::{BadProjectName, Config, UnbundlablePolicy};
use crate::error::{Error, NoBundle, Unbundlable};
use crate::event::{Push, Skip};
pub use first_bundle::FirstBundles;
use first_bundle::Turn;
use key::Keys;

/// How a push reached this function.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Whether an earlier delivery may have got anywhere.
    pub redelivered: bool,
    /// When the work must have ended.
    pub stop: Instant,
    /// The repositories without a bundle, shared by all pushes of the invocation.
    pub first_bundles: Arc<FirstBundles>,
    /// Where this function runs, and so its builds.
    pub location: FunctionLocation,
    /// Counts the calls that it costs.
    pub counts: CallCounts,
}

/// The account and the region that the function runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionLocation {
    pub account: String,
    pub region: String,
}

impl FunctionLocation {
    /// Reads a function's ARN: `arn:aws:lambda:eu-west-1:123456789012:function:name`.
    pub fn of_arn(arn: &str) -> Self {
        let part = |number| arn.split(':').nth(number).unwrap_or_default().to_owned();
        Self {
            account: part(4),
            region: part(3),
        }
    }
}

/// What became of a message that needs no other delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Published(Published),
    /// The intake gave it to the push queue.
    Forwarded,
    /// There is nothing to build.
    Skipped(Skip),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    pub outcome: PushOutcome,
    pub build_id: String,
    /// What it was started from, unless CodeBuild clones or an earlier delivery started it.
    pub bundle: Option<Stored>,
}

/// How a push came to its build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushOutcome {
    /// From a bundle that was made now.
    Built,
    /// From the bundle that an earlier delivery had stored.
    BuiltFromStored,
    /// An earlier delivery had started the build.
    AlreadyBuilt,
    /// CodeBuild clones the commit, which no bundle can hold.
    BuiltFromCodeCommit,
}

impl PushOutcome {
    pub fn name(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::BuiltFromStored => "built_from_stored",
            Self::AlreadyBuilt => "already_built",
            Self::BuiltFromCodeCommit => "built_from_codecommit",
        }
    }
}

/// What a push cost, as far as it came. The log has these fields, most of them as metrics.
#[metrics(subfield_owned)]
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Files and links in the tree.
    #[metrics(unit = Count)]
    pub files: u64,
    /// Entries in the bundle, folders included.
    #[metrics(flags(NoMetric))]
    pub entries: u64,
    #[metrics(unit = Count)]
    pub fetched: u64,
    /// Blobs taken over from an earlier bundle.
    #[metrics(unit = Count)]
    pub reused: u64,
    #[metrics(unit = Byte)]
    pub bytes: u64,
    #[metrics(unit = Byte)]
    pub bytes_fetched: u64,
    /// Bytes taken over, as the earlier bundle compressed them.
    #[metrics(unit = Byte)]
    pub bytes_reused: u64,
    /// Requests to CodeCommit, every attempt counted.
    #[metrics(unit = Count)]
    pub calls: u64,
    /// Those among them that were throttled.
    #[metrics(unit = Count)]
    pub throttled: u64,
    /// From the first step to the last.
    #[metrics(unit = Millisecond)]
    pub ms: u64,
    #[metrics(flags(NoMetric))]
    pub walk_ms: u64,
    /// Time to fetch, compress and upload.
    #[metrics(flags(NoMetric))]
    pub bundle_ms: u64,
    /// Time to start the build.
    #[metrics(flags(NoMetric))]
    pub build_ms: u64,
}

/// Whole milliseconds of a time, for the log.
pub fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Sees to it that a push has its build unless there is nothing to build, and fills in `figures` on
/// the way.
pub async fn publish(
    aws: &Aws,
    config: &Config,
    push: &Push,
    delivery: &Delivery,
    figures: &mut Figures,
) -> Result<Done, Error> {
    let project = match project(aws, config, push).await? {
        Ok(project) => project,
        Err(skip) => return Ok(Done::Skipped(skip)),
    };
    let keys = Keys::of(push, &delivery.location);

    let mut earlier = None;
    if delivery.redelivered {
        let builds = &aws.builds;
        let build = builds.of_event(&project, &push.event_id, push.time);
        if let Some(build_id) = build.await? {
            return Ok(Done::Published(Published {
                outcome: PushOutcome::AlreadyBuilt,
                build_id,
                bundle: None,
            }));
        }
        earlier = aws.bundles.of_event(&keys.bundle, &push.event_id).await?;
    }

    let (outcome, stored) = if let Some(stored) = earlier {
        (PushOutcome::BuiltFromStored, Ok(stored))
    } else {
        let begun = Instant::now();
        let repository = repository(aws, config, push, delivery).await;
        let redelivered = delivery.redelivered;
        let find = || {
            let memory = aws.trees.reservation();
            listing::find(&repository, &aws.bundles, push, &keys, redelivered, memory)
        };
        let mut pushed = find().await?;
        let mut turn = None;
        if pushed.bases.is_empty() {
            let first_bundles = &delivery.first_bundles;
            turn = first_bundles.turn(&keys.folder, delivery.stop).await;
            if turn.as_ref().is_some_and(Turn::has_bundle) {
                turn = None;
                pushed = find().await?;
            }
        }
        figures.walk_ms = milliseconds(begun.elapsed());
        let commit = pushed.commit;
        match bundle::make(aws, repository, pushed, push, &keys, delivery, figures).await {
            Ok(stored) => {
                if let Some(turn) = &mut turn {
                    turn.stored();
                }
                (PushOutcome::Built, Ok(stored))
            }
            Err(NoBundle::Unbundlable(why)) => {
                (PushOutcome::BuiltFromCodeCommit, Err((why, commit)))
            }
            Err(NoBundle::Failed(error)) => return Err(error),
        }
    };

    let begun = Instant::now();
    let request = match &stored {
        Ok(stored) => build::from_bundle(push, &aws.bundles.bucket, stored),
        Err((why, commit)) => {
            check_codecommit_can_serve(config, push, &delivery.location, why)?;
            tracing::warn!(
                repository = push.repository,
                reference = push.reference.full_name(),
                %commit,
                event_id = push.event_id,
                %why,
                "no bundle can hold this commit: CodeBuild clones it from CodeCommit instead"
            );
            build::from_codecommit(push, commit)
        }
    };
    let started = aws.builds.start(&project, &request, config.artifacts);
    let build_id = started.await?;
    figures.build_ms = milliseconds(begun.elapsed());
    Ok(Done::Published(Published {
        outcome,
        build_id,
        bundle: stored.ok(),
    }))
}

/// The project to start. A repository that only a pattern lists needs none: without one it is
/// skipped, before anything is fetched.
async fn project(aws: &Aws, config: &Config, push: &Push) -> Result<Result<String, Skip>, Error> {
    let named = config.project_of(&push.repository);
    if config.needs_project(&push.repository) {
        return Ok(Ok(named?));
    }
    let missing = match named {
        Ok(project) if aws.builds.has_project(&project).await? => return Ok(Ok(project)),
        Ok(project) | Err(BadProjectName { project, .. }) => project,
    };
    Ok(Err(Skip::NoProject {
        repository: push.repository.clone(),
        project: missing,
    }))
}

/// The repository, and the role to read it under: the function's own in its own account and region,
/// whatever is configured for others.
async fn repository(aws: &Aws, config: &Config, push: &Push, delivery: &Delivery) -> Repository {
    let location = &delivery.location;
    let is_own = push.is_from(&location.account, &location.region);
    let reader = (!is_own).then(|| config.reader_in(&push.account)).flatten();
    let client = aws.codecommit(&push.region, reader).await;
    client.repository(&push.repository, delivery.counts.clone())
}

/// CodeBuild reads repositories of its own account and region only.
fn check_codecommit_can_serve(
    config: &Config,
    push: &Push,
    location: &FunctionLocation,
    why: &Unbundlable,
) -> Result<(), Error> {
    let unless = if config.unbundlable == UnbundlablePolicy::Reject {
        "UNBUNDLABLE=reject keeps CodeBuild from cloning it"
    } else if push.account != location.account {
        "CodeBuild cannot clone it, since it is in another account"
    } else if push.region != location.region {
        "CodeBuild cannot clone it, since it is in another region"
    } else {
        return Ok(());
    };
    Err(Error::Unbundlable {
        why: why.clone(),
        unless,
    })
}
