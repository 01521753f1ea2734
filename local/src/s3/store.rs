//! Buckets, versions and uploads in memory, and every change of them: under one lock, and on disk
//! before it is visible.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hyper::HeaderMap;
use hyper::header::HeaderValue;
use s3s::{S3Error, S3Result, s3_error};
use uuid::Uuid;

use super::body::Draft;
use super::disk::Folder;
use super::record::{Content, Upload, Version};
use crate::clock::Clock;

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
    pub clock: Clock,
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
        let mut buckets = self.lock();
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
            let (version, _) = bucket.newest(key)?;
            Ok(bucket.folder.path(version))
        });
        path.unwrap_or_else(|_| self.root.join(bucket).join(key))
    }

    pub fn read<T>(&self, bucket: &str, read: impl FnOnce(&Bucket) -> S3Result<T>) -> S3Result<T> {
        read(self.lock().get(bucket).ok_or_else(no_such_bucket)?)
    }

    pub fn change<T>(
        &self,
        bucket: &str,
        change: impl FnOnce(&mut Bucket) -> S3Result<T>,
    ) -> S3Result<T> {
        change(self.lock().get_mut(bucket).ok_or_else(no_such_bucket)?)
    }

    /// Makes what has arrived the newest version of the key.
    pub fn put(
        &self,
        bucket: &str,
        key: &str,
        draft: Draft,
        content: Content,
    ) -> S3Result<Version> {
        let now = self.clock.epoch_ms();
        self.change(bucket, |bucket| bucket.put(key, draft, content, now))
    }

    /// The version that a request means, and its bytes.
    pub fn open(
        &self,
        bucket: &str,
        key: &str,
        version_id: Option<&str>,
    ) -> S3Result<(Version, Content, File)> {
        self.read(bucket, |bucket| {
            let (version, content) = bucket.find(key, version_id)?;
            let file = File::open(bucket.folder.data(&version.version_id)).map_err(failed)?;
            Ok((version.clone(), content.clone(), file))
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    pub fn put(
        &mut self,
        key: &str,
        draft: Draft,
        content: Content,
        now: u64,
    ) -> S3Result<Version> {
        let version = self
            .add(key, draft.name.clone(), Some(content), now)
            .map_err(failed)?;
        draft.keep();
        Ok(version)
    }

    /// Deletes an object by a delete marker, which is returned.
    pub fn delete(&mut self, key: &str, now: u64) -> io::Result<Version> {
        self.add(key, Uuid::new_v4().simple().to_string(), None, now)
    }

    fn add(
        &mut self,
        key: &str,
        version_id: String,
        content: Option<Content>,
        now: u64,
    ) -> io::Result<Version> {
        let newest = self.keys.get(key).and_then(|versions| versions.first());
        let version = Version {
            key: key.to_owned(),
            version_id,
            sequence: newest.map_or(1, |newest| newest.sequence + 1),
            modified_ms: now,
            content,
        };
        self.folder.write(&version)?;
        let versions = self.keys.entry(key.to_owned()).or_default();
        versions.insert(0, version.clone());
        self.folder.show(&version)?;
        Ok(version)
    }

    pub fn newest(&self, key: &str) -> S3Result<(&Version, &Content)> {
        self.find(key, None)
    }

    /// The version that a request means: the one it names, or the newest.
    /// Refuses with `NoSuchKey` or `NoSuchVersion`; for a delete marker `NoSuchKey` when it is the newest
    /// version, and `MethodNotAllowed` when it was named, both with the headers that say so
    /// ("Working with delete markers", S3 user guide).
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
            None if version_id.is_none() => Err(marked(no_such_key(), version)),
            None => {
                let message = "The specified method is not allowed against this resource.";
                Err(marked(s3_error!(MethodNotAllowed, "{message}"), version))
            }
        }
    }
}

fn marked(mut error: S3Error, marker: &Version) -> S3Error {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::try_from(&marker.version_id) {
        headers.insert("x-amz-version-id", id);
    }
    error.set_headers(headers);
    error
}

fn no_such_bucket() -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist")
}

/// A disk that does not work is this S3's own failure.
pub fn failed(error: io::Error) -> S3Error {
    let message = format!("We encountered an internal error: {error}");
    s3_error!(error, InternalError, "{message}")
}
