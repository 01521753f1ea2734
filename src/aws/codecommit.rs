//! CodeCommit, as a reader of commits, folders and blobs.
//!
//! - [`send`](Repository::send): sends every call, and counts it
//! - [`rate`]: how many calls a second; [`concurrency`]: how many at once
//! - [`admission`]: how much memory the answers take

pub mod admission;
pub(crate) mod concurrency;
mod differences;
mod folder;
mod rate;
mod send;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use aws_config::SdkConfig;
use aws_sdk_codecommit::config::Builder;
use gix_hash::ObjectId;
use tokio::sync::Semaphore;

pub(super) use admission::is_too_long;
pub use differences::Changes;

use crate::error::{CallError, Cause, Error};
use crate::memory::Reservation;
use admission::Answer;
use concurrency::Concurrency;
use rate::Rate;

/// A client for one Region and one reader. Clones share its rate and its bounds.
#[derive(Clone, Debug)]
pub struct Client {
    sdk: aws_sdk_codecommit::Client,
    /// One permit: long lists are read one after the other.
    lists: Arc<Semaphore>,
    rate: Rate,
    concurrency: Concurrency,
}

impl Client {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        let config = send::configure(Builder::from(sdk)).build();
        Self {
            sdk: aws_sdk_codecommit::Client::from_conf(config),
            lists: Arc::new(Semaphore::new(1)),
            rate: Rate::default(),
            concurrency: Concurrency::default(),
        }
    }

    /// One repository, its calls counted in `counts`.
    pub fn repository(&self, name: &str, counts: CallCounts) -> Repository {
        Repository {
            client: self.clone(),
            name: name.into(),
            counts,
        }
    }
}

/// Counts the requests to CodeCommit of one push, each attempt of a call. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct CallCounts {
    /// All of them.
    pub sent: Arc<AtomicU64>,
    /// Those that were refused because there were too many.
    pub throttled: Arc<AtomicU64>,
}

/// One repository, read for one push. Clones are cheap.
#[derive(Clone, Debug)]
pub struct Repository {
    client: Client,
    name: Arc<str>,
    counts: CallCounts,
}

impl Repository {
    /// How many calls a push may have in flight now.
    pub fn in_flight(&self) -> usize {
        self.client.concurrency.in_flight()
    }

    /// The root tree of a commit.
    ///
    /// # Errors
    ///
    /// [`Cause::NoSuchCommit`] where CodeCommit knows no such commit, or the id is a tag object's.
    pub async fn root_tree(&self, commit: &ObjectId) -> Result<ObjectId, Error> {
        const CALL: &str = "CodeCommit GetCommit";
        let commit = commit.to_string();
        let answer = self
            .send(CALL, &commit, Answer::Short, |sdk, interceptor| {
                sdk.get_commit()
                    .repository_name(&*self.name)
                    .commit_id(&commit)
                    .customize()
                    .interceptor(interceptor)
                    .send()
            })
            .await?;
        let tree = answer.commit().and_then(|commit| commit.tree_id());
        object_id(CALL, "treeId", tree)
    }

    /// The commit that a reference points to now, an annotated tag's included.
    ///
    /// # Errors
    ///
    /// As [`Self::folder`].
    pub async fn resolve(&self, reference: &str) -> Result<ObjectId, Error> {
        const CALL: &str = "CodeCommit GetFolder";
        let answer = self.list_folder(CALL, reference, "", reference).await?;
        object_id(CALL, "commitId", Some(answer.commit_id()))
    }

    /// The content of a file at a commit; a large one waits for memory from `reservation`.
    ///
    /// # Errors
    ///
    /// [`Cause::TooLarge`] for more than [`LARGEST_FILE`](admission::LARGEST_FILE) bytes.
    pub async fn file(
        &self,
        commit: &ObjectId,
        path: &str,
        reservation: &Arc<Reservation>,
    ) -> Result<Vec<u8>, CallError> {
        let content = Answer::Content(reservation.clone());
        self.send("CodeCommit GetFile", path, content, |sdk, interceptor| {
            sdk.get_file()
                .repository_name(&*self.name)
                .commit_specifier(commit.to_string())
                .file_path(path)
                .customize()
                .interceptor(interceptor)
                .send()
        })
        .await
        .map(|answer| answer.file_content.into_inner())
    }

    /// The content of a blob, which waits for memory from `reservation` where it is large. Links are
    /// read with this call, since no document says what GetFile answers for them.
    ///
    /// # Errors
    ///
    /// [`Cause::TooLarge`] for more than [`LARGEST_FILE`](admission::LARGEST_FILE) bytes.
    pub async fn blob(
        &self,
        id: &ObjectId,
        reservation: &Arc<Reservation>,
    ) -> Result<Vec<u8>, CallError> {
        let content = Answer::Content(reservation.clone());
        let id = id.to_string();
        self.send("CodeCommit GetBlob", &id, content, |sdk, interceptor| {
            sdk.get_blob()
                .repository_name(&*self.name)
                .blob_id(&id)
                .customize()
                .interceptor(interceptor)
                .send()
        })
        .await
        .map(|answer| answer.content.into_inner())
    }
}

/// The exceptions of GetCommit, GetFolder, GetFile and GetBlob in
/// <https://docs.aws.amazon.com/codecommit/latest/APIReference/Welcome.html>. A key that is not
/// available and a failed integrity check pass by themselves; somebody has to mend what causes the
/// other encryption exceptions.
fn cause(code: &str) -> Option<Cause> {
    Some(match code {
        "FileTooLargeException" => Cause::TooLarge,
        "CommitDoesNotExistException" | "CommitIdDoesNotExistException" => Cause::NoSuchCommit,
        "RepositoryDoesNotExistException" => Cause::DoesNotExist,
        "EncryptionKeyAccessDeniedException"
        | "EncryptionKeyDisabledException"
        | "EncryptionKeyNotFoundException" => Cause::Denied,
        "EncryptionKeyUnavailableException" | "EncryptionIntegrityChecksFailedException" => {
            Cause::Unavailable
        }
        "InvalidRepositoryNameException" => Cause::Invalid,
        _ => return None,
    })
}

fn object_id(call: &'static str, field: &str, hex: Option<&str>) -> Result<ObjectId, Error> {
    hex.and_then(|hex| ObjectId::from_hex(hex.as_bytes()).ok())
        .ok_or_else(|| bad_answer(call, format!("{field} is {hex:?}, not an object id")))
}

fn bad_answer(operation: &'static str, what: String) -> Error {
    Error::BadAnswer { operation, what }
}
