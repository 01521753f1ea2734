//! S3 on this machine: versions, conditional writes, multipart uploads and checksums as in S3, the
//! objects in a folder that a person can open.
//!
//! The protocol is a library's (s3s); what a request does is here, in the order of reading:
//!
//! - `wire`: any credentials are taken; `chunked` decodes the SDKs' bodies;
//! - `api`: the operations;
//! - `store`: every `bucket`, with its versions and uploads, changed under one lock; `conditions`
//!   guard writes;
//! - `record`, `layout`, `load`: what lies on disk, where, and how it is read again;
//! - `view`: `{root}/{bucket}/{key}`, the newest versions as plain files;
//! - `body`, `claims`, `checksum`: streams, what is said of them, and what is computed;
//! - `listing`, `encoding`: pages, and how keys are written on them.
//!
//! Not here: access control, encryption, tags, object lock, lifecycle rules, browser uploads (POST
//! forms). An upload that nobody finishes stays until it is aborted.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use s3s::service::S3ServiceBuilder;
use s3s::{S3ErrorCode, S3Result};

use crate::clock::Clock;
use bucket::current;
use record::{Content, Version, Versioning, moment};
use store::Store;

pub use wire::Service;

mod api;
mod body;
mod bucket;
mod checksum;
mod chunked;
mod claims;
mod conditions;
mod encoding;
mod layout;
mod listing;
mod load;
mod record;
mod store;
mod view;
mod wire;

#[cfg(test)]
mod tests;

/// The local S3. Clones share it.
#[derive(Clone, Debug)]
pub struct S3(Arc<Store>);

/// An object's version as tests and reports look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The object's key.
    pub key: String,
    /// `null` when it was written without versioning.
    pub version_id: String,
    /// In bytes; 0 for a delete marker.
    pub size: u64,
    /// Without quotes; empty for a delete marker.
    pub etag: String,
    /// User metadata, names without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
    /// By the local AWS's clock.
    pub last_modified: SystemTime,
    /// Whether it is a delete marker.
    pub delete_marker: bool,
}

/// A multipart upload that is neither completed nor aborted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadInfo {
    /// The key it is for.
    pub key: String,
    /// The upload's id.
    pub upload_id: String,
    /// The sizes of the parts that are there, in bytes, by part number.
    pub parts: BTreeMap<i32, u64>,
    /// By the local AWS's clock.
    pub initiated: SystemTime,
}

impl S3 {
    /// The S3 whose buckets are below `root`, with all that an earlier one left there. Two at a
    /// time on one folder do not see each other's changes.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn new(root: PathBuf, clock: Clock) -> io::Result<Self> {
        Ok(Self(Arc::new(Store::open(root, clock)?)))
    }

    /// Creates a bucket that keeps versions or does not; one that exists gets the versioning asked
    /// for, and keeps what it has.
    ///
    /// # Errors
    /// When the name is none for a bucket, or the folder cannot be written.
    pub fn create_bucket(&self, name: &str, versioned: bool) -> io::Result<()> {
        if !s3s::path::check_bucket_name(name) {
            let message = format!(
                "`{name}` is no bucket name: 3 to 63 lower-case letters, digits, `-` and `.`"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        match self.0.create_bucket(name, None) {
            Err(error) if *error.code() != S3ErrorCode::BucketAlreadyOwnedByYou => {
                return Err(io::Error::other(error));
            }
            _ => {}
        }
        let now = self
            .0
            .read(name, |bucket| Ok(bucket.record.versioning))
            .map_err(io::Error::other)?;
        match (now, versioned) {
            (Versioning::Never | Versioning::Suspended, true) => {
                self.0.set_versioning(name, Versioning::Enabled)
            }
            (Versioning::Enabled, false) => self.0.set_versioning(name, Versioning::Suspended),
            _ => Ok(()),
        }
        .map_err(io::Error::other)
    }

    /// Where the newest version of an object is as a plain file, or would be: `{root}/{bucket}/{key}`
    /// for every key that can be a path. An object `a` beside objects `a/…` is `.=a`, and a
    /// component that no file can have (empty, `.`, `..`, over 255 bytes) is `.%{SHA-256}`.
    pub fn path(&self, bucket: &str, key: &str) -> PathBuf {
        view::path(&self.0.layout, bucket, key)
    }

    /// The objects of a bucket, in the order of their keys; none for a bucket that is not there.
    pub fn objects(&self, bucket: &str) -> Vec<ObjectInfo> {
        let objects = self.0.read(bucket, |bucket| {
            let newest = bucket.keys.keys().filter_map(|key| current(bucket, key));
            Ok(newest
                .map(|(version, content)| ObjectInfo::new(version, Some(content)))
                .collect())
        });
        or_none(objects)
    }

    /// All versions and delete markers of a bucket, by key, newest first.
    pub fn versions(&self, bucket: &str) -> Vec<ObjectInfo> {
        let versions = self.0.read(bucket, |bucket| {
            let versions = bucket.keys.values().flatten();
            Ok(versions
                .map(|version| ObjectInfo::new(version, version.content.as_ref()))
                .collect())
        });
        or_none(versions)
    }

    /// The uploads of a bucket that are neither completed nor aborted, by key and beginning.
    pub fn unfinished_uploads(&self, bucket: &str) -> Vec<UploadInfo> {
        let uploads = self.0.read(bucket, |bucket| {
            let uploads = bucket.uploads.values().map(|upload| UploadInfo {
                key: upload.key.clone(),
                upload_id: upload.upload_id.clone(),
                parts: upload
                    .parts
                    .iter()
                    .map(|(number, part)| (*number, part.size))
                    .collect(),
                initiated: moment(upload.initiated_ms),
            });
            Ok(uploads.collect())
        });
        or_none(uploads)
    }

    /// What answers HTTP requests: see [`Service`].
    pub fn service(&self) -> Service {
        Service::new(S3ServiceBuilder::new(self.clone()).build())
    }
}

impl ObjectInfo {
    fn new(version: &Version, content: Option<&Content>) -> Self {
        Self {
            key: version.key.clone(),
            version_id: version.version_id.clone(),
            size: content.map_or(0, |content| content.size),
            etag: content
                .map(|content| content.etag.clone())
                .unwrap_or_default(),
            metadata: content
                .map(|content| content.headers.metadata.clone())
                .unwrap_or_default(),
            last_modified: moment(version.modified_ms),
            delete_marker: content.is_none(),
        }
    }
}

/// A bucket that is not there has nothing in it.
fn or_none<T>(found: S3Result<Vec<T>>) -> Vec<T> {
    found.unwrap_or_default()
}
