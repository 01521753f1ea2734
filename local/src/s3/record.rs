//! What is known of an object's version, an upload and its parts.

use std::collections::BTreeMap;

use bytes::Bytes;
use md5::Md5;
use serde::{Deserialize, Serialize};

pub type Md5Sum = md5::digest::Output<Md5>;

/// One version of an object, or a delete marker; on disk as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "S3's own name")]
pub struct Version {
    pub key: String,
    /// Also the name of its files.
    pub version_id: String,
    /// Grows with every write of the key: the order of versions does not depend on the clock.
    pub sequence: u64,
    pub modified_ms: u64,
    /// `None` is a delete marker.
    pub content: Option<Content>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Content {
    pub size: u64,
    /// Without quotes: MD5 in hex, or `{MD5 of the parts' MD5s}-{parts}`.
    pub etag: String,
    /// As S3 writes it, `-{parts}` behind that of a multipart upload; `None` where the client sent
    /// none.
    pub crc32: Option<String>,
    pub headers: Headers,
}

/// The headers that are stored with an object and come back with it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Headers {
    pub content_type: Option<String>,
    pub metadata: BTreeMap<String, String>,
}

/// An upload that is neither completed nor aborted.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    pub headers: Headers,
    pub parts: BTreeMap<i32, Part>,
}

/// A part, in memory until its upload is completed.
#[derive(Clone, Debug)]
pub struct Part {
    pub bytes: Bytes,
    pub md5: Md5Sum,
    /// In base64.
    pub crc32: String,
}
