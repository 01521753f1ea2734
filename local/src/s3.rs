//! S3 on this machine: versions, multipart uploads and CRC32 checksums as in S3, the objects in a
//! folder that a person can open.
//!
//! The protocol, with `aws-chunked` bodies, is a library's (s3s). Here are the ten
//! operations that pushbuild calls, in the order of reading:
//!
//! - `service`: the operations' list, and what is refused before any of them
//! - `objects`, `multipart`: what each operation does
//! - `body`: bodies of uploads, and what is checked of them
//! - `store`, `record`: buckets with their versions and uploads, changed under one lock
//! - `disk`: the files of a bucket, and how they are read again after a restart
//!
//! Not here: access control, encryption, tags, conditional writes, lifecycle rules. An upload
//! that is not completed stays until it is aborted or the process ends.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::clock::Clock;
use record::Version;
use store::Store;

pub(crate) use service::SECRET_ACCESS_KEY;
pub use service::Service;

mod body;
mod disk;
mod multipart;
mod objects;
mod record;
mod service;
mod store;

#[cfg(test)]
mod tests;

/// The local S3. Clones share it.
#[derive(Clone, Debug)]
pub struct S3(Arc<Store>);

/// A version of an object as tests and reports look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    pub key: String,
    /// Of the delete marker, where it is one.
    pub version_id: String,
    /// In bytes; 0 for a delete marker.
    pub size: u64,
    /// User metadata, names without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
}

impl S3 {
    /// The S3 whose buckets are below `root`. Two at a time on one folder do not see each other's
    /// changes.
    pub fn new(root: PathBuf, clock: Clock) -> io::Result<Self> {
        Ok(Self(Arc::new(Store::new(root, clock)?)))
    }

    /// Creates a bucket that keeps versions, with the objects that an earlier process left in its
    /// folder. A bucket that exists stays as it is.
    pub fn create_bucket(&self, name: &str) -> io::Result<()> {
        if !s3s::path::check_bucket_name(name) {
            let message = format!("S3 does not allow the bucket name `{name}`");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.0.create_bucket(name)
    }

    /// The file with the newest version's bytes: `{root}/{bucket}/{key}` where the key can be a
    /// path, the data file below `.s3` otherwise.
    pub fn path(&self, bucket: &str, key: &str) -> PathBuf {
        self.0.path(bucket, key)
    }

    /// The objects of a bucket, in the order of their keys; empty if there is no such bucket.
    pub fn objects(&self, bucket: &str) -> Vec<ObjectInfo> {
        let objects = self.0.read(bucket, |bucket| {
            let newest = bucket.keys.values().filter_map(|versions| versions.first());
            let newest = newest.filter(|version| version.content.is_some());
            Ok(newest.map(ObjectInfo::new).collect())
        });
        objects.unwrap_or_default()
    }

    /// All versions and delete markers of a bucket, by key, newest first.
    pub fn versions(&self, bucket: &str) -> Vec<ObjectInfo> {
        let versions = self.0.read(bucket, |bucket| {
            let versions = bucket.keys.values().flatten();
            Ok(versions.map(ObjectInfo::new).collect())
        });
        versions.unwrap_or_default()
    }

    /// How many uploads of a bucket are neither completed nor aborted.
    pub fn unfinished_uploads(&self, bucket: &str) -> usize {
        let uploads = self.0.read(bucket, |bucket| Ok(bucket.uploads.len()));
        uploads.unwrap_or_default()
    }

    /// What answers HTTP requests: see [`Service`].
    pub fn service(&self) -> Service {
        Service::new(self.clone())
    }
}

impl ObjectInfo {
    fn new(version: &Version) -> Self {
        let content = version.content.clone().unwrap_or_default();
        Self {
            key: version.key.clone(),
            version_id: version.version_id.clone(),
            size: content.size,
            metadata: content.headers.metadata,
        }
    }
}
