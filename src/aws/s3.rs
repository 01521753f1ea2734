//! S3, as the store of the bundles.

mod read;
mod upload;

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, OnceLock};

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use gix_hash::ObjectId;
use tokio::sync::Semaphore;

pub use read::{Found, Tail};
pub use upload::Upload;
use upload::UploadSpeed;

use super::failed;
use crate::config::Config;
use crate::error::{CallError, Cause};

/// The bucket of the bundles.
#[derive(Clone, Debug)]
pub struct Bundles {
    client: Client,
    pub bucket: String,
    /// The account that the bucket must belong to. Without it, somebody else could make a bucket of
    /// this name after ours was deleted, and would get the bundles.
    owner: Arc<OnceLock<String>>,
    upload_speed: UploadSpeed,
    /// Permits for the parts under way, those of all bundles together.
    parts: Arc<Semaphore>,
}

/// What a bundle's object metadata says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    pub event_id: String,
    pub commit: ObjectId,
    pub tree: ObjectId,
}

/// A bundle in the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub key: String,
    /// Its version, where the bucket keeps versions.
    pub version: Option<String>,
    pub commit: ObjectId,
}

const EVENT_ID: &str = "event-id";
const COMMIT_ID: &str = "commit-id";
const TREE_ID: &str = "tree-id";
const FORMAT: &str = "format";
/// Marks a partial bundle.
const PARTIAL: &str = "partial";

/// The version of the bundle's format: entries, their order, comments, times and compression.
const FORMAT_VERSION: &str = "2";

/// The version before, whose entries were compressed by another library: its contents are taken
/// over, and compressed anew, so that a bundle's bytes do not depend on its base.
const EARLIER_FORMAT_VERSION: &str = "1";

/// Begins a request. Each names the bucket and the account that the bucket must belong to.
macro_rules! request {
    ($bundles:expr, $operation:ident) => {
        $bundles
            .client
            .$operation()
            .bucket(&$bundles.bucket)
            .set_expected_bucket_owner($bundles.owner.get().cloned())
    };
}
use request;

impl Bundles {
    /// The configured bucket, to which at most so many parts are under way at once.
    pub(super) fn new(sdk: &SdkConfig, config: &Config, parts: usize) -> Self {
        let bundles = Self {
            client: Client::from_conf(
                aws_sdk_s3::config::Builder::from(sdk)
                    // An endpoint such as `host.docker.internal` has no host name for each bucket.
                    .force_path_style(sdk.endpoint_url().is_some())
                    .build(),
            ),
            bucket: config.code_bucket.clone(),
            owner: Arc::default(),
            upload_speed: UploadSpeed::default(),
            parts: Arc::new(Semaphore::new(parts)),
        };
        bundles.set_owner(config.bucket_owner.as_deref().unwrap_or_default());
        bundles
    }

    /// The account that the bucket belongs to, unless one was set before.
    pub fn set_owner(&self, account: &str) {
        if !account.is_empty() {
            self.owner.get_or_init(|| account.to_owned());
        }
    }

    /// The bundle under this key, if it was made for this event.
    pub async fn of_event(&self, key: &str, event_id: &str) -> Result<Option<Stored>, CallError> {
        let Some(head) = self.head(key).await? else {
            return Ok(None);
        };
        let metadata = head.metadata();
        let is_of_event =
            label(metadata, EVENT_ID) == event_id && label(metadata, FORMAT) == FORMAT_VERSION;
        let commit = id_label(metadata, COMMIT_ID).filter(|_| is_of_event);
        Ok(commit.map(|commit| Stored {
            key: key.to_owned(),
            version: version(head.version_id()),
            commit,
        }))
    }

    /// Bytes of a bundle; 0 where it is missing or of another format.
    async fn length(&self, key: &str) -> Result<u64, CallError> {
        let head = self.head(key).await?;
        let head = head.filter(|head| label(head.metadata(), FORMAT) == FORMAT_VERSION);
        let length = head.and_then(|head| head.content_length());
        Ok(length.map_or(0, i64::unsigned_abs))
    }

    async fn head(&self, key: &str) -> Result<Option<HeadObjectOutput>, CallError> {
        let head = request!(self, head_object).key(key).send().await;
        existing(head.map_err(|error| self.failed("S3 HeadObject", key, &error)))
    }

    /// Removes a partial bundle. Where that fails, the bucket's lifecycle rule removes it.
    pub async fn remove_partial(&self, key: &str) {
        let removed = request!(self, delete_object).key(key).send().await;
        if let Err(error) = removed {
            let error = self.failed("S3 DeleteObject", key, &error);
            tracing::warn!(%error, "a partial bundle stays until the bucket's lifecycle rule removes it");
        }
    }

    fn about(&self, key: &str) -> String {
        format!("{}/{key}", self.bucket)
    }

    fn failed<E>(
        &self,
        call: &'static str,
        key: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> CallError
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        failed(call, self.about(key), error, cause)
    }
}

/// `None` for an object that does not exist.
fn existing<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        // HeadObject answers without a body, and so without S3's own code.
        Err(error) if matches!(error.code.as_deref(), Some("NoSuchKey" | "NotFound")) => Ok(None),
        answer => answer.map(Some),
    }
}

type Metadata = HashMap<String, String>;

impl Label {
    fn metadata(&self, is_partial: bool) -> Metadata {
        let partial = is_partial.then(|| (PARTIAL, "true".to_owned()));
        let labels = [
            (EVENT_ID, self.event_id.clone()),
            (COMMIT_ID, self.commit.to_string()),
            (TREE_ID, self.tree.to_string()),
            (FORMAT, FORMAT_VERSION.to_owned()),
        ];
        let labels = labels.into_iter().chain(partial);
        labels
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// A value in an object's metadata, by its name; an empty one where the metadata does not have it.
fn label<'a>(metadata: Option<&'a Metadata>, name: &str) -> &'a str {
    metadata
        .and_then(|metadata| metadata.get(name))
        .map_or("", String::as_str)
}

fn id_label(metadata: Option<&Metadata>, name: &str) -> Option<ObjectId> {
    ObjectId::from_hex(label(metadata, name).as_bytes()).ok()
}

/// An object's version. A bucket that never kept versions answers none, and one that stopped keeping
/// them answers "null":
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html>.
fn version(id: Option<&str>) -> Option<String> {
    id.filter(|id| *id != "null").map(str::to_owned)
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>
fn cause(code: &str) -> Option<Cause> {
    Some(match code {
        "NoSuchBucket" | "PermanentRedirect" => Cause::DoesNotExist,
        "InvalidBucketName" | "KeyTooLongError" | "EntityTooLarge" => Cause::Invalid,
        "OperationAborted" | "ConditionalRequestConflict" | "NoSuchUpload" => Cause::Unavailable,
        _ => return None,
    })
}
