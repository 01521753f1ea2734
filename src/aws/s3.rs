//! S3, as the store of the bundles.

mod read;
mod upload;

use std::sync::{Arc, OnceLock};

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::{HeadObjectError, HeadObjectOutput};
use gix_hash::ObjectId;
use tokio::sync::Semaphore;

pub use read::{Found, Object, Tail};
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
    /// The account that it must belong to: somebody who makes it anew after it was deleted would
    /// get the source otherwise.
    owner: Arc<OnceLock<String>>,
    upload_speed: UploadSpeed,
    /// A permit for each part on its way, whichever bundle it is of.
    parts: Arc<Semaphore>,
}

/// What a bundle says of itself in its object metadata.
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

impl Bundles {
    /// The configured bucket, to which so many parts are on their way at once.
    pub(super) fn new(sdk: &SdkConfig, config: &Config, parts: usize) -> Self {
        let bundles = Self {
            client: Client::from_conf(
                aws_sdk_s3::config::Builder::from(sdk)
                    // A stand-in's name (`host.docker.internal`) has no bucket's name before it.
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

    fn owner(&self) -> Option<String> {
        self.owner.get().cloned()
    }

    /// The bundle under this key, if it was made for this very event.
    pub async fn of_event(&self, key: &str, event_id: &str) -> Result<Option<Stored>, CallError> {
        let Some(head) = self.head(key).await? else {
            return Ok(None);
        };
        let label = |name| head.metadata().and_then(|labels| labels.get(name));
        let ours = label(EVENT_ID).is_some_and(|id| id == event_id)
            && label(FORMAT).is_some_and(|format| format == FORMAT_VERSION);
        let commit = label(COMMIT_ID).and_then(|id| ObjectId::from_hex(id.as_bytes()).ok());
        Ok(commit.filter(|_| ours).map(|commit| Stored {
            key: key.to_owned(),
            version: version(head.version_id()),
            commit,
        }))
    }

    /// Bytes of a bundle; none where it is missing or of another format.
    async fn length(&self, key: &str) -> Result<u64, CallError> {
        let head = self.head(key).await?.filter(|head| {
            let format = head.metadata().and_then(|labels| labels.get(FORMAT));
            format.is_some_and(|format| format == FORMAT_VERSION)
        });
        let length = head.and_then(|head| head.content_length());
        Ok(length.map_or(0, i64::unsigned_abs))
    }

    async fn head(&self, key: &str) -> Result<Option<HeadObjectOutput>, CallError> {
        let head = self
            .client
            .head_object()
            .bucket(&self.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(key)
            .send()
            .await;
        match head {
            Ok(head) => Ok(Some(head)),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(HeadObjectError::is_not_found) =>
            {
                Ok(None)
            }
            Err(error) => Err(failed("S3 HeadObject", self.about(key), &error, cause)),
        }
    }

    /// Begins a bundle; nothing is sent before there is a part's worth of it. `partial` is where
    /// it may be left as a partial bundle.
    pub fn upload(&self, key: &str, partial: &str, label: &Label) -> Upload {
        Upload::new(self.clone(), key, partial, label)
    }

    /// Removes a partial bundle. Where that fails, it stays until the
    /// bucket's lifecycle rule removes it.
    pub async fn remove_partial(&self, key: &str) {
        let removed = self
            .client
            .delete_object()
            .bucket(&self.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(key)
            .send()
            .await;
        if let Err(error) = removed {
            let error = failed("S3 DeleteObject", self.about(key), &error, cause);
            tracing::warn!(%error, "a partial bundle stays until the bucket's lifecycle rule removes it");
        }
    }

    fn about(&self, key: &str) -> String {
        format!("{}/{key}", self.bucket)
    }
}

impl Label {
    fn metadata(&self) -> [(&'static str, String); 4] {
        [
            (EVENT_ID, self.event_id.clone()),
            (COMMIT_ID, self.commit.to_string()),
            (TREE_ID, self.tree.to_string()),
            (FORMAT, FORMAT_VERSION.to_owned()),
        ]
    }
}

/// A bucket that never kept versions answers none, one that stopped keeping them "null":
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
