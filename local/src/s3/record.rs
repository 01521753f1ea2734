//! What is known of an object's version, an upload and its parts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::body::Received;

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
    /// In memory until it is completed.
    pub parts: BTreeMap<i32, Received>,
}
