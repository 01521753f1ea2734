//! What is kept of a bucket, an object's version, an upload and its parts: the records that lie on
//! disk as JSON and, once read, in memory.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use s3s::dto::Timestamp;
use serde::{Deserialize, Serialize};

use super::checksum::Sum;

/// The version id of an object that was written while versioning was off or suspended.
pub const NULL: &str = "null";

/// Whether a bucket keeps versions: a bucket that once did can only suspend it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioning {
    #[default]
    Never,
    Enabled,
    Suspended,
}

/// A bucket's settings.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BucketRecord {
    pub created_ms: u64,
    pub versioning: Versioning,
    /// The region asked for; none is us-east-1.
    pub region: Option<String>,
}

/// The headers and user metadata that are stored with an object and come back with it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Headers {
    pub cache_control: Option<String>,
    pub content_disposition: Option<String>,
    pub content_encoding: Option<String>,
    pub content_language: Option<String>,
    pub content_type: Option<String>,
    pub expires: Option<Timestamp>,
    pub metadata: BTreeMap<String, String>,
}

/// One version of an object, or a delete marker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "S3's own name")]
pub struct Version {
    pub key: String,
    pub version_id: String,
    /// Grows with every write: the order of versions does not depend on the clock.
    pub sequence: u64,
    pub modified_ms: u64,
    /// What the version holds; none is a delete marker.
    pub content: Option<Content>,
}

/// The bytes of a version and what is known of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Content {
    /// Name of the file in the bucket's data folder.
    pub data: String,
    pub size: u64,
    /// Without quotes: MD5 in hex, or `{MD5 of the parts' MD5s}-{parts}`.
    pub etag: String,
    pub headers: Headers,
    pub sum: Sum,
    /// Of a multipart upload; empty otherwise.
    pub part_sizes: Vec<u64>,
}

/// An upload that is neither completed nor aborted.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "S3's own name")]
pub struct Upload {
    pub key: String,
    pub upload_id: String,
    pub initiated_ms: u64,
    pub headers: Headers,
    pub checksum: super::checksum::Kind,
    /// Kept in files of their own, so that a part's arrival rewrites nothing else.
    #[serde(skip)]
    pub parts: BTreeMap<i32, Part>,
}

/// A part of an upload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    pub number: i32,
    pub data: String,
    pub size: u64,
    pub etag: String,
    pub modified_ms: u64,
    pub sum: Sum,
}

/// Milliseconds since the Unix epoch as a moment.
pub fn moment(ms: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(ms)
}

/// A moment as the protocol writes it.
pub fn timestamp(ms: u64) -> Timestamp {
    Timestamp::from(moment(ms))
}

/// A size as the protocol's types hold it.
pub fn length(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
