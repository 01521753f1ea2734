//! Buckets, versions and uploads in memory, and every change of them: under one lock, and on disk
//! before it is visible.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use bytes::Bytes;
use parking_lot::Mutex;
use s3s::{S3Error, S3Result, s3_error};
use uuid::Uuid;

use super::disk::Folder;
use super::record::{Content, Upload, Version};
use crate::clock::{Clock, epoch_ms};

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
        let path = self.read(bucket, |bucket| {
            let (version, _) = bucket.find(key, None)?;
            Ok(bucket.folder.path(version))
        });
        path.unwrap_or_else(|_| self.root.join(bucket).join(key))
    }

    pub fn read<T>(&self, bucket: &str, read: impl FnOnce(&Bucket) -> S3Result<T>) -> S3Result<T> {
        read(self.buckets.lock().get(bucket).ok_or_else(no_such_bucket)?)
    }

    pub fn change<T>(
        &self,
        bucket: &str,
        change: impl FnOnce(&mut Bucket) -> S3Result<T>,
    ) -> S3Result<T> {
        change(
            self.buckets
                .lock()
                .get_mut(bucket)
                .ok_or_else(no_such_bucket)?,
        )
    }

    /// Makes these bytes the newest version of the key.
    pub fn put(
        &self,
        bucket: &str,
        key: &str,
        content: Content,
        parts: &[Bytes],
    ) -> S3Result<Version> {
        let id = Uuid::new_v4().simple().to_string();
        let folder = self.read(bucket, |bucket| Ok(bucket.folder.clone()))?;
        folder.write_data(&id, parts).map_err(failed)?;
        self.add(bucket, key, id, Some(content))
    }

    /// Deletes an object by a delete marker, which is returned.
    pub fn delete(&self, bucket: &str, key: &str) -> S3Result<Version> {
        self.add(bucket, key, Uuid::new_v4().simple().to_string(), None)
    }

    fn add(
        &self,
        bucket: &str,
        key: &str,
        version_id: String,
        content: Option<Content>,
    ) -> S3Result<Version> {
        self.change(bucket, |bucket| {
            let versions = bucket.keys.get(key).into_iter().flatten();
            let version = Version {
                key: key.to_owned(),
                version_id,
                sequence: versions.count() as u64 + 1,
                modified_ms: epoch_ms(self.clock.now()),
                content,
            };
            bucket.folder.write_record(&version).map_err(failed)?;
            let versions = bucket.keys.entry(key.to_owned()).or_default();
            versions.insert(0, version.clone());
            bucket.folder.show(&version).map_err(failed)?;
            Ok(version)
        })
    }
}

impl Bucket {
    /// The version that a request means: the one it names, or the newest.
    ///
    /// Refuses a delete marker with `NoSuchKey` when it is the newest version, and with
    /// `MethodNotAllowed` when it was named ("Working with delete markers", S3 user guide).
    pub fn find(&self, key: &str, version_id: Option<&str>) -> S3Result<(&Version, &Content)> {
        let no_such_key = || s3_error!(NoSuchKey, "The specified key does not exist.");
        let no_such_version = || s3_error!(NoSuchVersion, "The specified version does not exist.");
        let mut versions = self.keys.get(key).into_iter().flatten();
        let version = match version_id {
            None => versions.next().ok_or_else(no_such_key)?,
            Some(id) => versions
                .find(|version| version.version_id == id)
                .ok_or_else(no_such_version)?,
        };
        match &version.content {
            Some(content) => Ok((version, content)),
            None if version_id.is_none() => Err(no_such_key()),
            None => Err(s3_error!(
                MethodNotAllowed,
                "The specified method is not allowed against this resource."
            )),
        }
    }
}

fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

/// A disk that does not work is this S3's own failure.
pub fn failed(error: io::Error) -> S3Error {
    let message = format!("We encountered an internal error: {error}");
    s3_error!(error, InternalError, "{message}")
}
