//! The commit of a push, its tree, and the earlier bundles that hold some of it.

use std::time::Duration;

use gix_hash::ObjectId;
use tokio::time::timeout;

use super::Delivery;
use crate::aws::codecommit::{Changes, Repository};
use crate::base::Bases;
use crate::error::{CallError, Cause, Error};
use crate::event::{Push, ReferenceKind};
use crate::keys::Keys;
use crate::memory::TreeReservation;

/// Time for the list of what changed. CodeCommit may need longer for it than for the folders.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is pushed.
pub struct Pushed {
    /// The commit to bundle.
    pub commit: ObjectId,
    /// Its root tree.
    pub root: ObjectId,
    /// Earlier bundles, which hold some of it.
    pub bases: Bases,
    /// The memory that the bases take.
    pub memory: TreeReservation,
}

/// Asks side by side what the commit is, what an earlier bundle holds, and what changed since.
///
/// # Errors
///
/// The commit cannot be read. Where another of these calls fails, the push only costs more calls.
pub async fn find(
    delivery: &Delivery<'_>,
    repository: &Repository,
    keys: &Keys,
) -> Result<Pushed, Error> {
    let Delivery { aws, push, .. } = delivery;
    let mut memory = aws.trees.reservation();
    let (found, mut bases, changes) = tokio::join!(
        pushed_commit(repository, push),
        Bases::find(&aws.bundles, keys, delivery.redelivered, &mut memory),
        async {
            match push.old_commit {
                Some(before) => changes(repository, before, push.commit).await,
                None => None,
            }
        },
    );
    let (commit, root) = found?;
    if !bases.may_hold(&root)
        && let Some(base) = bases.commit()
    {
        let changes = if Some(base) == push.old_commit {
            changes
        } else {
            self::changes(repository, base, commit).await
        };
        if let Some(changes) = changes {
            bases.lay_over(&changes.list);
            if !changes.is_cut_short && !bases.may_hold(&root) {
                tracing::warn!(
                    repository = push.repository,
                    %commit,
                    since = %base,
                    changes = changes.list.len(),
                    "what CodeCommit says has changed does not lead to the commit's tree: \
                     its folders are listed instead"
                );
            }
        }
    }
    Ok(Pushed {
        commit,
        root,
        bases,
        memory,
    })
}

/// The commit to bundle and its root tree.
///
/// AWS does not document whether the event of an annotated tag names the tag object or its commit.
/// If it names the tag object, CodeCommit knows no such commit, and the commit is looked up by the
/// tag's name. No other call goes by a name instead of an id.
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

/// What changed; `None` where CodeCommit does not say. Then more calls are needed, and nothing is lost.
async fn changes(repository: &Repository, since: ObjectId, commit: ObjectId) -> Option<Changes> {
    let error = match timeout(PATIENCE, repository.changes(&since, &commit)).await {
        Ok(Ok(changes)) => return Some(changes),
        // Forced pushes leave such commits behind; and a tag object is not a commit.
        Ok(Err(Error::Call(CallError {
            cause: Cause::NoSuchCommit,
            ..
        }))) => return None,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {PATIENCE:?}"),
    };
    tracing::warn!(
        %since,
        %commit,
        error,
        "CodeCommit does not say what has changed: the commit's folders are listed instead"
    );
    None
}
