//! Buckets, versions and uploads in memory, and every change of them: under one lock, and on disk
//! before it is visible.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use parking_lot::Mutex;
use s3s::{S3Error, S3Result, s3_error};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::body::Received;
use super::disk::Folder;
use crate::clock::{Clock, epoch_ms};

/// One version of an object, or a delete marker; on disk as JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "S3's own name")]
pub struct Version {
    pub key: String,
    /// Also the name of its files.
    pub version_id: String,
    /// Whether it is a delete marker.
    pub(super) is_deleted: bool,
    /// Grows with every write of the key: the order of versions does not depend on the clock.
    pub(super) sequence: u64,
    pub(super) modified_ms: u64,
    /// In bytes.
    pub(super) size: u64,
    /// Without quotes: MD5 in hex, or `{MD5 of the parts' MD5s}-{parts}`.
    pub(super) etag: String,
    pub(super) content_type: Option<String>,
    /// User metadata, names without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
}

/// An upload that is neither completed nor aborted.
#[derive(Debug)]
pub struct Upload {
    /// What was said of the object when the upload began.
    pub object: Version,
    /// In memory until it is completed.
    pub parts: BTreeMap<i32, Received>,
}

/// A bucket: its objects, and the uploads under way.
#[derive(Debug)]
pub struct Bucket {
    pub folder: Folder,
    /// The versions of each key, newest first, at least one; keys in the order of their UTF-8
    /// bytes.
    pub keys: BTreeMap<String, Vec<Version>>,
    /// By key and upload id.
    pub uploads: BTreeMap<(String, String), Upload>,
}

/// All buckets below one folder.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    clock: Clock,
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

impl Store {
    pub fn new(root: PathBuf, clock: Clock) -> io::Result<Self> {
        let root = std::path::absolute(root)?;
        std::fs::create_dir_all(&root)?;
        let buckets = Mutex::default();
        Ok(Self {
            root,
            clock,
            buckets,
        })
    }

    pub fn create_bucket(&self, name: &str) -> io::Result<()> {
        let mut buckets = self.buckets.lock();
        if !buckets.contains_key(name) {
            let folder = Folder::of(&self.root, name);
            let bucket = Bucket {
                keys: folder.open()?,
                folder,
                uploads: BTreeMap::new(),
            };
            buckets.insert(name.to_owned(), bucket);
        }
        Ok(())
    }

    pub fn path(&self, bucket: &str, key: &str) -> PathBuf {
        let path = self.with(bucket, |bucket| Ok(bucket.folder.path(bucket.find(key)?)));
        path.unwrap_or_else(|_| self.root.join(bucket).join(key))
    }

    /// Does something with a bucket while nobody else does.
    pub fn with<T>(
        &self,
        bucket: &str,
        work: impl FnOnce(&mut Bucket) -> S3Result<T>,
    ) -> S3Result<T> {
        let mut buckets = self.buckets.lock();
        work(
            buckets
                .get_mut(bucket)
                .ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))?,
        )
    }

    /// Makes these bytes the newest version of the object's key.
    pub fn put(&self, bucket: &str, object: Version, parts: &[Bytes]) -> S3Result<Version> {
        let version_id = Uuid::new_v4().simple().to_string();
        let folder = self.with(bucket, |bucket| Ok(bucket.folder.clone()))?;
        folder.write_data(&version_id, parts).map_err(failed)?;
        let size = parts.iter().map(|part| part.len() as u64).sum();
        self.add(
            bucket,
            Version {
                version_id,
                size,
                ..object
            },
        )
    }

    /// Deletes an object by a delete marker, which is returned.
    pub fn delete(&self, bucket: &str, key: String) -> S3Result<Version> {
        let marker = Version {
            key,
            version_id: Uuid::new_v4().simple().to_string(),
            is_deleted: true,
            ..Version::default()
        };
        self.add(bucket, marker)
    }

    fn add(&self, bucket: &str, mut version: Version) -> S3Result<Version> {
        self.with(bucket, |bucket| {
            let versions = bucket.keys.get(&version.key).map_or(0, Vec::len);
            version.sequence = versions as u64 + 1;
            version.modified_ms = epoch_ms(self.clock.now());
            bucket.folder.write_record(&version).map_err(failed)?;
            let versions = bucket.keys.entry(version.key.clone()).or_default();
            versions.insert(0, version.clone());
            bucket.folder.show(&version).map_err(failed)?;
            Ok(version)
        })
    }
}

impl Bucket {
    /// The newest version of an object.
    pub fn find(&self, key: &str) -> S3Result<&Version> {
        let versions = self.keys.get(key).into_iter().flatten();
        let newest = versions.take(1).find(|version| !version.is_deleted);
        newest.ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))
    }
}

/// A disk that does not work is this S3's own failure.
pub fn failed(error: io::Error) -> S3Error {
    let message = format!("We encountered an internal error: {error}");
    s3_error!(error, InternalError, "{message}")
}
