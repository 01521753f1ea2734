//! Earlier bundles, read in ranges: to take over from them what has not changed.

use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use gix_hash::ObjectId;

use super::{
    Bundles, COMMIT_ID, EARLIER_FORMAT_VERSION, FORMAT, FORMAT_VERSION, TREE_ID, cause, failed,
};
use crate::error::{CallError, Cause};

/// One state of one object. Reads are refused once it is overwritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub key: String,
    /// What tells this state from another.
    etag: String,
    pub length: u64,
}

/// The end of a bundle, and what the bundle says of itself.
#[derive(Clone, Debug)]
pub struct Tail {
    pub object: Object,
    pub bytes: Bytes,
    /// Whether its format is the one that this version writes.
    pub is_our_format: bool,
    /// Whether its format is one that this version reads.
    pub is_known_format: bool,
    pub commit: Option<ObjectId>,
    pub tree: Option<ObjectId>,
}

/// A key in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub key: String,
    /// When the object was written, in milliseconds since 1970.
    pub modified: i64,
}

/// A read that takes longer is given up, since everything can be fetched instead.
const PATIENCE: Duration = Duration::from_secs(15);

impl Bundles {
    /// The last `bytes` of a bundle; `None` where there is none.
    pub async fn tail(&self, key: &str, bytes: usize) -> Result<Option<Tail>, CallError> {
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(key)
            .range(format!("bytes=-{bytes}"))
            .send()
            .await;
        let answer = match answer {
            Ok(answer) => answer,
            Err(error)
                if error.as_service_error().is_some_and(
                    aws_sdk_s3::operation::get_object::GetObjectError::is_no_such_key,
                ) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(failed("S3 GetObject", self.about(key), &error, cause)),
        };
        let label = |name| answer.metadata().and_then(|labels| labels.get(name));
        let format = label(FORMAT).map_or("", String::as_str);
        let is_our_format = format == FORMAT_VERSION;
        let is_known_format = is_our_format || format == EARLIER_FORMAT_VERSION;
        let id = |name| label(name).and_then(|id| ObjectId::from_hex(id.as_bytes()).ok());
        let (commit, tree) = (id(COMMIT_ID), id(TREE_ID));
        // `bytes 5-9/10`: <https://www.rfc-editor.org/rfc/rfc9110#field.content-range>
        let length = answer
            .content_range()
            .and_then(|range| range.rsplit('/').next()?.parse().ok());
        let (Some(length), Some(etag)) = (length, answer.e_tag()) else {
            return Err(self.broken_off(key, "the answer says neither length nor ETag"));
        };
        let object = Object {
            key: key.to_owned(),
            etag: etag.to_owned(),
            length,
        };
        let expected = u64::try_from(bytes).unwrap_or(u64::MAX).min(length);
        let bytes = self.collect(key, answer.body, expected).await?;
        Ok(Some(Tail {
            object,
            bytes,
            is_our_format,
            is_known_format,
            commit,
            tree,
        }))
    }

    /// Some of an object's bytes, as long as it is the same object.
    pub async fn range(&self, object: &Object, range: Range<u64>) -> Result<Bytes, CallError> {
        let answer = self
            .client
            .get_object()
            .bucket(&self.bucket)
            .set_expected_bucket_owner(self.owner())
            .key(&object.key)
            .if_match(&object.etag)
            .range(format!("bytes={}-{}", range.start, range.end - 1))
            .send()
            .await
            .map_err(|error| failed("S3 GetObject", self.about(&object.key), &error, cause))?;
        self.collect(&object.key, answer.body, range.end - range.start)
            .await
    }

    /// The first thousand keys that begin with `prefix`.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Found>, CallError> {
        let page = self
            .client
            .list_objects_v2()
            .bucket(&self.bucket)
            .set_expected_bucket_owner(self.owner())
            .prefix(prefix)
            .send()
            .await
            .map_err(|error| failed("S3 ListObjectsV2", self.about(prefix), &error, cause))?;
        Ok(page
            .contents()
            .iter()
            .filter_map(|object| {
                Some(Found {
                    key: object.key()?.to_owned(),
                    modified: object.last_modified()?.to_millis().ok()?,
                })
            })
            .collect())
    }

    async fn collect(
        &self,
        key: &str,
        body: ByteStream,
        expected: u64,
    ) -> Result<Bytes, CallError> {
        let body = tokio::time::timeout(PATIENCE, body.collect())
            .await
            .map_err(|_| self.broken_off(key, "the answer stood still"))?
            .map_err(|error| self.broken_off(key, &error.to_string()))?
            .into_bytes();
        if body.len() as u64 != expected {
            let why = format!("{} bytes came and not {expected}", body.len());
            return Err(self.broken_off(key, &why));
        }
        Ok(body)
    }

    fn broken_off(&self, key: &str, why: &str) -> CallError {
        CallError {
            call: "S3 GetObject",
            about: self.about(key),
            cause: Cause::Unavailable,
            code: None,
            message: why.to_owned(),
            request_id: None,
        }
    }
}
