//! CodeCommit, as a reader of commits, folders and blobs.

mod differences;
mod folder;

use std::sync::Arc;

use aws_config::SdkConfig;
use aws_sdk_codecommit::config::Builder;
use gix_hash::ObjectId;

pub use differences::Changes;

use super::folder_answer::FolderAnswer;
use super::gate::Gate;
use super::latency::Latency;
use super::meter::Meter;
use super::pace::Pace;
use super::{failed, retry};
use crate::error::{CallError, Cause, Error};
use crate::room::Seat;

/// A client for one region and one reader.
#[derive(Clone)]
pub struct Client {
    sdk: aws_sdk_codecommit::Client,
    folder_answer: FolderAnswer,
    pace: Pace,
    latency: Latency,
}

impl Client {
    pub(super) fn new(sdk: &SdkConfig) -> Self {
        let pace = Pace::default();
        let config = Builder::from(sdk)
            .retry_config(retry::codecommit())
            .retry_partition(retry::codecommit_budget())
            .retry_classifier(retry::UnreadableClassifier)
            .retry_classifier(pace.clone())
            .interceptor(pace.clone())
            .build();
        Self {
            sdk: aws_sdk_codecommit::Client::from_conf(config),
            folder_answer: FolderAnswer::default(),
            pace,
            latency: Latency::default(),
        }
    }

    /// One repository, its calls counted by `meter`.
    pub fn repository(&self, name: &str, meter: Meter) -> Repository {
        Repository {
            client: self.sdk.clone(),
            folder_answer: self.folder_answer.clone(),
            pace: self.pace.clone(),
            latency: self.latency.clone(),
            name: name.into(),
            meter,
        }
    }
}

/// One repository, read for one push. Clones are cheap.
#[derive(Clone)]
pub struct Repository {
    client: aws_sdk_codecommit::Client,
    folder_answer: FolderAnswer,
    pace: Pace,
    latency: Latency,
    name: Arc<str>,
    meter: Meter,
}

impl Repository {
    /// How many calls are worth having under way, by the time that files take to come.
    pub fn in_flight(&self) -> usize {
        self.latency.in_flight()
    }

    /// The root tree of a commit.
    ///
    /// # Errors
    ///
    /// [`Cause::NoSuchCommit`] where CodeCommit does not know it, a tag object's id included.
    pub async fn root_tree(&self, commit: &ObjectId) -> Result<ObjectId, Error> {
        const CALL: &str = "CodeCommit GetCommit";
        self.pace.turn().await;
        let answer = self
            .client
            .get_commit()
            .repository_name(&*self.name)
            .commit_id(commit.to_string())
            .customize()
            .interceptor(self.meter.clone())
            .send()
            .await
            .map_err(|error| failed(CALL, self.about(&commit.to_string()), &error, cause))?;
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
        self.pace.turn().await;
        let answer = self
            .client
            .get_folder()
            .repository_name(&*self.name)
            .commit_specifier(reference)
            .folder_path("")
            .customize()
            .interceptor(self.meter.clone())
            .send()
            .await
            .map_err(|error| failed(CALL, self.about(reference), &error, cause))?;
        object_id(CALL, "commitId", Some(answer.commit_id()))
    }

    /// The content of a file at a commit; a large one waits until `seat` has room.
    ///
    /// # Errors
    ///
    /// [`Cause::TooLarge`] for more than [`LARGEST_FILE`](super::gate::LARGEST_FILE) bytes.
    pub async fn file(
        &self,
        commit: &ObjectId,
        path: &str,
        seat: &Arc<Seat>,
    ) -> Result<Vec<u8>, CallError> {
        self.pace.turn().await;
        self.client
            .get_file()
            .repository_name(&*self.name)
            .commit_specifier(commit.to_string())
            .file_path(path)
            .customize()
            .interceptor(self.meter.clone())
            .interceptor(self.latency.clone())
            .interceptor(Gate(seat.clone()))
            .send()
            .await
            .map(|answer| answer.file_content.into_inner())
            .map_err(|error| failed("CodeCommit GetFile", self.about(path), &error, cause))
    }

    /// The content of a blob: for links, since what GetFile answers for them is documented nowhere.
    /// A large one waits until `seat` has room.
    ///
    /// # Errors
    ///
    /// [`Cause::TooLarge`] for more than [`LARGEST_FILE`](super::gate::LARGEST_FILE) bytes.
    pub async fn blob(&self, id: &ObjectId, seat: &Arc<Seat>) -> Result<Vec<u8>, CallError> {
        self.pace.turn().await;
        self.client
            .get_blob()
            .repository_name(&*self.name)
            .blob_id(id.to_string())
            .customize()
            .interceptor(self.meter.clone())
            .interceptor(Gate(seat.clone()))
            .send()
            .await
            .map(|answer| answer.content.into_inner())
            .map_err(|error| {
                failed(
                    "CodeCommit GetBlob",
                    self.about(&id.to_string()),
                    &error,
                    cause,
                )
            })
    }

    fn about(&self, what: &str) -> String {
        format!("{}:{what}", self.name)
    }
}

/// The exceptions of GetCommit, GetFolder, GetFile and GetBlob in
/// <https://docs.aws.amazon.com/codecommit/latest/APIReference/Welcome.html>. A key that is not
/// available and a failed integrity check pass by themselves; the other encryption exceptions are
/// a person's to mend.
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
        .ok_or_else(|| senseless(call, format!("{field} is {hex:?} and no object id")))
}

fn senseless(operation: &'static str, what: String) -> Error {
    Error::BadAnswer { operation, what }
}
