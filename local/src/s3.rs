//! S3 on this machine: versions, multipart uploads and CRC32 checksums as in S3, the objects in a
//! folder that a person can open.
//!
//! A library (s3s) speaks the protocol. Here are the ten operations that pushbuild calls, in the
//! order of reading:
//!
//! - `service`: the operations' list, and what is refused before any of them
//! - `objects`, `multipart`: what each operation does
//! - `body`: bodies of uploads, and what is checked of them
//! - `store`: buckets with their versions and uploads, changed under one lock
//! - `disk`: the files of a bucket, and how they are read again after a restart
//!
//! Not here: access control, encryption, tags, conditional writes, lifecycle rules, `aws-chunked`
//! bodies, and reads of any but the newest version. An upload that is not completed stays until it
//! is aborted or the process ends.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use hyper::{Request, Response};
use s3s::service::S3Service;

use crate::clock::Clock;
use store::Store;

pub use store::Version;

mod body;
mod disk;
mod multipart;
mod objects;
mod service;
mod store;

#[cfg(test)]
mod tests;

/// The local S3. Clones share it.
#[derive(Clone, Debug)]
pub struct S3 {
    store: Arc<Store>,
    service: S3Service,
}

impl S3 {
    /// The S3 whose buckets are below `root`. Two on one folder do not see each other's changes.
    pub fn new(root: PathBuf, clock: Clock) -> io::Result<Self> {
        let store = Arc::new(Store::new(root, clock)?);
        let service = service::over(store.clone());
        Ok(Self { store, service })
    }

    /// Creates a bucket that keeps versions, with the objects that an earlier process left in its
    /// folder. A bucket that exists stays as it is.
    pub fn create_bucket(&self, name: &str) -> io::Result<()> {
        if !s3s::path::check_bucket_name(name) {
            let message = format!("S3 does not allow the bucket name `{name}`");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        self.store.create_bucket(name)
    }

    /// The file with the newest version's bytes: `{root}/{bucket}/{key}` where the key can be a
    /// path, the data file below `.versions` otherwise.
    pub fn path(&self, bucket: &str, key: &str) -> PathBuf {
        self.store.path(bucket, key)
    }

    /// The objects of a bucket, in the order of their keys; empty if there is no such bucket.
    pub fn objects(&self, bucket: &str) -> Vec<Version> {
        let objects = self.store.with(bucket, |bucket| {
            let newest = bucket.keys.values().filter_map(|versions| versions.first());
            Ok(newest.filter(|it| !it.is_deleted).cloned().collect())
        });
        objects.unwrap_or_default()
    }

    /// All versions and delete markers of a bucket, by key, newest first.
    pub fn versions(&self, bucket: &str) -> Vec<Version> {
        let versions = self.store.with(bucket, |bucket| {
            Ok(bucket.keys.values().flatten().cloned().collect())
        });
        versions.unwrap_or_default()
    }

    /// How many uploads of a bucket are neither completed nor aborted.
    pub fn unfinished_uploads(&self, bucket: &str) -> usize {
        let uploads = self.store.with(bucket, |bucket| Ok(bucket.uploads.len()));
        uploads.unwrap_or_default()
    }

    /// Answers one HTTP request. The bucket is the first part of its path.
    pub(crate) async fn call(&self, request: Request<s3s::Body>) -> Response<s3s::Body> {
        service::call(&self.service, request).await
    }
}
