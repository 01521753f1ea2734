//! One push, from the queue's message to its build.

mod build;
mod bundle;
mod first_bundle;
mod listing;

use std::time::Duration;

use metrique::emf::flags::NoMetric;
use metrique::unit::{Byte, Count, Millisecond};
use metrique::unit_of_work::metrics;
use tokio::time::Instant;

use crate::aws::Aws;
use crate::aws::codebuild::BuildRequest;
use crate::aws::codecommit::{CallCounts, Repository};
use crate::aws::s3::Stored;
use crate::config::{BadProjectName, Config, UnbundlablePolicy};
use crate::error::Error;
use crate::event::{Push, Skip};
use crate::keys::{FunctionLocation, Keys};
pub use first_bundle::FirstBundles;
use listing::Pushed;

/// What is pushed, in which repository, and how long it took to find out.
type Listed = (Repository, Pushed, Duration);

/// A push as it was delivered, and what its publishing works with.
pub struct Delivery<'a> {
    pub aws: &'a Aws,
    pub config: &'a Config,
    pub push: &'a Push,
    /// Whether an earlier delivery may have done some of the work.
    pub redelivered: bool,
    /// When the work must have ended.
    pub stop: Instant,
    /// The repositories without a bundle, shared by all pushes of the invocation.
    pub first_bundles: &'a FirstBundles,
    /// Where this function runs, and so its builds.
    pub location: &'a FunctionLocation,
    /// Counts the calls that it costs.
    pub counts: CallCounts,
}

/// What became of a message that needs no other delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The push has its build.
    Published {
        outcome: PushOutcome,
        build_id: String,
        /// What the build was started from. `None` if CodeBuild clones, or if an earlier delivery
        /// started the build.
        bundle: Option<Stored>,
    },
    /// The intake gave it to the push queue.
    Forwarded,
    /// There is nothing to build.
    Skipped(Skip),
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

/// What a push cost until it ended. The log has these fields, most of them as metrics.
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
    /// Bytes taken over from an earlier bundle, still compressed.
    #[metrics(unit = Byte)]
    pub bytes_reused: u64,
    /// Requests to CodeCommit, every attempt counted.
    #[metrics(unit = Count)]
    pub calls: u64,
    /// How many of them were throttled.
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

impl Delivery<'_> {
    /// Starts the build of the push, unless there is nothing to build. Fills in `figures` on the way.
    pub async fn publish(&self, figures: &mut Figures) -> Result<Done, Error> {
        let Self { aws, push, .. } = self;
        let keys = Keys::of(push, self.location);
        let (project, listed) = if self.asks_for_the_project_first() {
            (self.project().await?, None)
        } else {
            let listing = Box::pin(self.list(&keys));
            let (project, listed) = tokio::join!(self.project(), listing);
            (project?, Some(listed))
        };
        let project = match project {
            Ok(project) => project,
            Err(skip) => return Ok(Done::Skipped(skip)),
        };

        let mut stored = None;
        if self.redelivered {
            let builds = &aws.builds;
            let build = builds.of_event(&project, &push.event_id, push.time);
            if let Some(build_id) = build.await? {
                return Ok(Done::Published {
                    outcome: PushOutcome::AlreadyBuilt,
                    build_id,
                    bundle: None,
                });
            }
            stored = aws.bundles.of_event(&keys.bundle, &push.event_id).await?;
        }
        let (outcome, bundle) = if let Some(stored) = stored {
            (PushOutcome::BuiltFromStored, Ok(stored))
        } else {
            let bundle = self.make_bundle(listed, &keys, figures).await;
            (PushOutcome::Built, bundle)
        };

        let begun = Instant::now();
        let (outcome, request, bundle) = match bundle {
            Ok(stored) => {
                let request = build::from_bundle(push, &aws.bundles.bucket, &stored);
                (outcome, request, Some(stored))
            }
            Err(error) => {
                let request = self.without_bundle(error)?;
                (PushOutcome::BuiltFromCodeCommit, request, None)
            }
        };
        let started = aws.builds.start(&project, &request, self.config.artifacts);
        let build_id = started.await?;
        figures.build_ms = milliseconds(begun.elapsed());
        Ok(Done::Published {
            outcome,
            build_id,
            bundle,
        })
    }

    /// Whether CodeBuild is asked before CodeCommit and S3. An earlier delivery may have left nothing for them
    /// to do; or the push will probably be skipped, because its project was missing the last time.
    fn asks_for_the_project_first(&self) -> bool {
        let project = self.config.project_of(&self.push.repository);
        let is_missing = |project: String| self.aws.builds.was_missing(&project);
        self.redelivered || project.map_or(true, is_missing)
    }

    /// The project to start. Where only a pattern lists the repository and it has no project, the
    /// push is skipped, before its folders are listed.
    async fn project(&self) -> Result<Result<String, Skip>, Error> {
        let repository = &self.push.repository;
        let named = self.config.project_of(repository);
        if self.config.needs_project(repository) {
            return Ok(Ok(named?));
        }
        let missing = match named {
            Ok(project) if self.aws.builds.has_project(&project).await? => return Ok(Ok(project)),
            Ok(project) | Err(BadProjectName { project, .. }) => project,
        };
        Ok(Err(Skip::NoProject {
            repository: repository.clone(),
            project: missing,
        }))
    }

    async fn list(&self, keys: &Keys) -> Result<Listed, Error> {
        let begun = Instant::now();
        let repository = self.repository().await;
        let pushed = listing::find(self, &repository, keys).await?;
        Ok((repository, pushed, begun.elapsed()))
    }

    /// Makes the bundle, after the repository's first one where another push is making that.
    async fn make_bundle(
        &self,
        listed: Option<Result<Listed, Error>>,
        keys: &Keys,
        figures: &mut Figures,
    ) -> Result<Stored, Error> {
        let (repository, mut pushed, took) = match listed {
            Some(listed) => listed?,
            None => self.list(keys).await?,
        };
        let begun = Instant::now();
        let mut has_bundle = None;
        if pushed.bases.is_empty() {
            has_bundle = self.first_bundles.turn(&keys.folder, self.stop).await;
            if has_bundle.as_deref() == Some(&true) {
                has_bundle = None;
                pushed = listing::find(self, &repository, keys).await?;
            }
        }
        figures.walk_ms = milliseconds(took + begun.elapsed());
        let stored = bundle::make(self, repository, pushed, keys, figures).await?;
        if let Some(mut has_bundle) = has_bundle {
            *has_bundle = true;
        }
        Ok(stored)
    }

    /// The repository. The function's own role reads it in the function's account and Region, the
    /// configured role elsewhere.
    async fn repository(&self) -> Repository {
        let is_own = self.location.is_of(self.push);
        let reader = (!is_own).then(|| self.config.reader_in(&self.push.account));
        let client = self.aws.codecommit(&self.push.region, reader.flatten());
        client
            .await
            .repository(&self.push.repository, self.counts.clone())
    }

    /// A build that clones the commit, where no bundle can hold it and CodeBuild may and can clone it.
    fn without_bundle(&self, error: Error) -> Result<BuildRequest, Error> {
        let Error::Unbundlable { commit, why } = error else {
            return Err(error);
        };
        // CodeBuild reads repositories of its own account and Region only.
        let unless = if self.config.unbundlable == UnbundlablePolicy::Reject {
            "UNBUNDLABLE=reject keeps CodeBuild from cloning it"
        } else if self.push.account != self.location.account {
            "CodeBuild cannot clone it, since it is in another account"
        } else if self.push.region != self.location.region {
            "CodeBuild cannot clone it, since it is in another region"
        } else {
            tracing::warn!(
                repository = self.push.repository,
                reference = self.push.reference.full_name(),
                %commit,
                event_id = self.push.event_id,
                why,
                "no bundle can hold this commit: CodeBuild clones it from CodeCommit instead"
            );
            return Ok(build::from_codecommit(self.push, &commit));
        };
        let why = format!("{why}, and {unless}");
        Err(Error::Unbundlable { commit, why })
    }
}
