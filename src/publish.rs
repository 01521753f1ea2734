//! The story of one push, from the queue's message to CodeBuild's build.

mod build;
mod key;

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use gix_hash::ObjectId;
use tokio::time::{Instant, timeout_at};

use crate::aws::Aws;
use crate::aws::codecommit::Repository;
use crate::aws::meter::Meter;
use crate::aws::s3::{Label, Stored, Upload};
use crate::blobs::Blobs;
use crate::bundle::BundleWriter;
use crate::config::{Config, Unbundlable as WhenUnbundlable};
use crate::error::{CallError, Cause, Error, NoBundle, Unbundlable};
use crate::event::{Push, ReferenceKind};
use crate::git::EntryKind;
use crate::tree::{self, Tree};

/// How a push reached this function.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// Whether an earlier delivery may have got anywhere.
    pub redelivered: bool,
    /// When the work must have ended.
    pub stop: Instant,
    /// Where this function lives; CodeBuild starts builds there.
    pub home: Home,
    /// Counts the calls that it costs.
    pub meter: Meter,
}

/// An account and a region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The account's id.
    pub account: String,
    /// The region's name.
    pub region: String,
}

/// A push that has its build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// What had to be done for it.
    pub outcome: Outcome,
    /// CodeBuild's id of the build.
    pub build_id: String,
    /// What it was started from, unless CodeBuild clones or an earlier delivery started it.
    pub bundle: Option<Stored>,
}

/// How a push came to its build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// From a bundle that was made now.
    Built,
    /// From the bundle that an earlier delivery had stored.
    BuiltFromStored,
    /// An earlier delivery had started the build.
    AlreadyBuilt,
    /// CodeBuild clones the commit, which no bundle can hold.
    BuiltFromCodeCommit,
}

impl Outcome {
    /// The word in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Built => "built",
            Self::BuiltFromStored => "built_from_stored",
            Self::AlreadyBuilt => "already_built",
            Self::BuiltFromCodeCommit => "built_from_codecommit",
        }
    }
}

/// What a push cost, as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Files and links in the tree.
    pub files: usize,
    /// Entries in the bundle, folders included.
    pub entries: usize,
    /// Blobs fetched from CodeCommit.
    pub fetched: u64,
    /// Files and links that were taken over from an earlier bundle.
    pub reused: u64,
    /// Bytes of the bundle.
    pub bytes: u64,
    /// Those among them that were fetched from CodeCommit, before compression.
    pub bytes_fetched: u64,
    /// Those among them that were taken over from an earlier bundle.
    pub bytes_reused: u64,
    /// Time to list the tree.
    pub walk: Duration,
    /// Time to fetch, compress and upload.
    pub bundle: Duration,
    /// Time to start the build.
    pub build: Duration,
}

/// Sees to it that a push has its build, and fills in `figures` on the way.
///
/// # Errors
///
/// Why it has none yet; [`Error::class`] says whether it ever can.
pub async fn publish(
    aws: &Aws,
    config: &Config,
    push: &Push,
    delivery: &Delivery,
    figures: &mut Figures,
) -> Result<Published, Error> {
    match timeout_at(delivery.stop, attempt(aws, config, push, delivery, figures)).await {
        Ok(published) => published,
        Err(_) => Err(Error::OutOfTime(
            "the invocation ends before the push is published",
        )),
    }
}

async fn attempt(
    aws: &Aws,
    config: &Config,
    push: &Push,
    delivery: &Delivery,
    figures: &mut Figures,
) -> Result<Published, Error> {
    let project = config.project_of(&push.repository);

    if delivery.redelivered {
        let earlier = aws
            .builds
            .of_event(&project, &push.event_id, push.time)
            .await?;
        if let Some(build_id) = earlier {
            return Ok(Published {
                outcome: Outcome::AlreadyBuilt,
                build_id,
                bundle: None,
            });
        }
    }

    let key = key::of(push);
    let earlier = if delivery.redelivered {
        aws.bundles.of_event(&key, &push.event_id).await?
    } else {
        None
    };
    let (outcome, stored) = match earlier {
        Some(stored) => (Outcome::BuiltFromStored, Ok(stored)),
        None => match bundle(aws, config, push, &key, delivery, figures).await {
            Ok(stored) => (Outcome::Built, Ok(stored)),
            Err(NoBundle::Unbundlable(why)) => (Outcome::BuiltFromCodeCommit, Err(why)),
            Err(NoBundle::Failed(error)) => return Err(error),
        },
    };

    let begun = Instant::now();
    let request = match &stored {
        Ok(stored) => build::from_bundle(project, push, &aws.bundles.bucket, stored),
        Err(why) => {
            check_codecommit_can_serve(config, push, &delivery.home, why)?;
            tracing::warn!(
                repository = push.repository,
                reference = push.reference.full_name(),
                commit = %push.commit,
                event_id = push.event_id,
                %why,
                "no bundle can hold this commit: CodeBuild clones it from CodeCommit instead"
            );
            build::from_codecommit(project, push)
        }
    };
    let build_id = aws.builds.start(&request).await?;
    figures.build = begun.elapsed();
    Ok(Published {
        outcome,
        build_id,
        bundle: stored.ok(),
    })
}

/// Fetches the commit and stores its bundle.
async fn bundle(
    aws: &Aws,
    config: &Config,
    push: &Push,
    key: &str,
    delivery: &Delivery,
    figures: &mut Figures,
) -> Result<Stored, NoBundle> {
    // The function's own role reads what is at home, whatever is configured for other places.
    let reader = if push.is_from(&delivery.home.account, &delivery.home.region) {
        None
    } else {
        config.reader_in(&push.account)
    };
    let client = aws.codecommit(&push.region, reader).await;
    let repository = client.repository(&push.repository, delivery.meter.clone());

    let begun = Instant::now();
    let (commit, root) = pushed_commit(&repository, push).await?;
    let tree = tree::walk(&repository, commit, root).await?;
    figures.walk = begun.elapsed();
    figures.entries = tree.entries.len();
    figures.files = tree
        .entries
        .iter()
        .filter(|entry| !matches!(entry.kind, EntryKind::Folder | EntryKind::Submodule))
        .count();

    let begun = Instant::now();
    let label = Label {
        event_id: push.event_id.clone(),
        commit,
        tree: root,
    };
    let blobs = Blobs::of(repository, &tree);
    let mut upload = aws.bundles.upload(key, &label);
    let filled = timeout_at(
        delivery.stop - ABORT_TIME,
        fill(&mut upload, &tree, &blobs, push),
    )
    .await;
    let stored = match filled {
        Ok(Ok((stored, bytes))) => {
            figures.bytes = bytes;
            Ok(stored)
        }
        Ok(Err(error)) => {
            upload.abort().await;
            Err(error)
        }
        Err(_) => {
            upload.abort().await;
            Err(Error::OutOfTime("the invocation ends before the commit is fetched").into())
        }
    };
    figures.bundle = begun.elapsed();
    figures.fetched = blobs.fetched();
    if blobs.lfs_pointers() > 0 {
        tracing::warn!(
            repository = push.repository,
            commit = %commit,
            pointers = blobs.lfs_pointers(),
            "the bundle holds Git LFS pointers in the place of the files that they stand for, \
             as a clone without Git LFS does"
        );
    }
    stored
}

/// Time to give up an unfinished upload.
const ABORT_TIME: Duration = Duration::from_millis(500);

/// The commit to bundle and its root tree.
///
/// Whether the event of an annotated tag names the tag object or its commit, AWS documents
/// nowhere. Where it is the tag object, CodeCommit knows no such commit, and the reference says
/// which one it is: the only place where a name is asked for instead of an id.
async fn pushed_commit(
    repository: &Repository,
    push: &Push,
) -> Result<(ObjectId, ObjectId), Error> {
    match repository.root_tree(&push.commit).await {
        Ok(root) => Ok((push.commit, root)),
        Err(Error::Call(CallError {
            cause: Cause::NoSuchCommit,
            ..
        })) if push.reference.kind == ReferenceKind::Tag => {
            let tag = push.reference.full_name();
            let commit = repository.resolve(&tag).await?;
            tracing::warn!(
                repository = push.repository,
                tag,
                object = %push.commit,
                %commit,
                "the event names no commit but, so it seems, an annotated tag: \
                 the commit that the tag points to now is built"
            );
            Ok((commit, repository.root_tree(&commit).await?))
        }
        Err(error) => Err(error),
    }
}

/// Writes the whole bundle; answers where it is and how many bytes it has.
async fn fill(
    upload: &mut Upload,
    tree: &Tree,
    blobs: &Blobs,
    push: &Push,
) -> Result<(Stored, u64), NoBundle> {
    let mut writer = BundleWriter::new(push.time);
    let mut bytes = 0;
    let mut entries = pin!(blobs.in_order(&tree.entries));
    while let Some(next) = entries.next().await {
        let (entry, content) = next?;
        let (header, data) = writer.entry(entry, content.as_deref());
        upload.write(&header).await?;
        upload.write(data).await?;
        bytes += header.len() + data.len();
    }
    let end = writer.finish(&tree.commit);
    upload.write(&end).await?;
    bytes += end.len();
    Ok((upload.finish().await?, bytes as u64))
}

/// CodeBuild reads repositories of its own account and region only.
fn check_codecommit_can_serve(
    config: &Config,
    push: &Push,
    home: &Home,
    why: &Unbundlable,
) -> Result<(), Error> {
    let unless = match config.unbundlable {
        WhenUnbundlable::Reject => "UNBUNDLABLE=reject keeps CodeBuild from cloning it",
        WhenUnbundlable::CodeCommit if push.account != home.account => {
            "CodeBuild cannot clone it, since it is in another account"
        }
        WhenUnbundlable::CodeCommit if push.region != home.region => {
            "CodeBuild cannot clone it, since it is in another region"
        }
        WhenUnbundlable::CodeCommit => return Ok(()),
    };
    Err(Error::Unbundlable {
        why: why.clone(),
        unless,
    })
}
