//! Reads ranges of earlier bundles, to take over what has not changed since.

use std::ops::Range;
use std::time::Duration;

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use gix_hash::ObjectId;

use super::{
    Bundles, COMMIT_ID, EARLIER_FORMAT_VERSION, FORMAT, FORMAT_VERSION, TREE_ID, existing,
    id_label, label, request,
};
use crate::aws::without_code;
use crate::error::{CallError, Cause};

/// One state of one object: reads of it fail once it is overwritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    pub key: String,
    /// Tells this state from others.
    etag: String,
    pub length: u64,
}

/// The end of a bundle, and what its object metadata says.
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

const GET: &str = "S3 GetObject";

impl Bundles {
    /// The last `bytes` of a bundle; `None` where it does not exist.
    pub async fn tail(&self, key: &str, bytes: usize) -> Result<Option<Tail>, CallError> {
        let answer = request!(self, get_object)
            .key(key)
            .range(format!("bytes=-{bytes}"))
            .send()
            .await;
        let answer = answer.map_err(|error| self.failed(GET, key, &error));
        let Some(answer) = existing(answer)? else {
            return Ok(None);
        };
        let metadata = answer.metadata();
        let format = label(metadata, FORMAT);
        let is_our_format = format == FORMAT_VERSION;
        let is_known_format = is_our_format || format == EARLIER_FORMAT_VERSION;
        let (commit, tree) = (id_label(metadata, COMMIT_ID), id_label(metadata, TREE_ID));
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

    /// Some of an object's bytes, unless it was overwritten.
    pub async fn range(&self, object: &Object, range: Range<u64>) -> Result<Bytes, CallError> {
        let answer = request!(self, get_object)
            .key(&object.key)
            .if_match(&object.etag)
            .range(format!("bytes={}-{}", range.start, range.end - 1))
            .send()
            .await
            .map_err(|error| self.failed(GET, &object.key, &error))?;
        self.collect(&object.key, answer.body, range.end - range.start)
            .await
    }

    /// The first thousand keys that begin with `prefix`.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Found>, CallError> {
        let page = request!(self, list_objects_v2)
            .prefix(prefix)
            .send()
            .await
            .map_err(|error| self.failed("S3 ListObjectsV2", prefix, &error))?;
        let found = page.contents().iter().filter_map(|object| {
            Some(Found {
                key: object.key()?.to_owned(),
                modified: object.last_modified()?.to_millis().ok()?,
            })
        });
        Ok(found.collect())
    }

    async fn collect(
        &self,
        key: &str,
        body: ByteStream,
        expected: u64,
    ) -> Result<Bytes, CallError> {
        let body = tokio::time::timeout(PATIENCE, body.collect())
            .await
            .map_err(|_| self.broken_off(key, "the answer did not end in time"))?
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
            cause: Cause::Unavailable,
            ..without_code(GET, self.about(key), why)
        }
    }
}
