//! Changes of buckets: created, told to keep versions, deleted.

use std::collections::BTreeMap;

use s3s::{S3Result, s3_error};

use super::{Store, failed, no_such_bucket};
use crate::s3::bucket::Bucket;
use crate::s3::layout;
use crate::s3::record::{BucketRecord, Versioning};

impl Store {
    /// Creates a bucket.
    ///
    /// # Errors
    /// `BucketAlreadyOwnedByYou`.
    pub fn create_bucket(&self, name: &str, region: Option<String>) -> S3Result<()> {
        let mut state = self.lock();
        if state.buckets.contains_key(name) {
            let message = "Your previous request to create the named bucket succeeded and you already own it.";
            return Err(s3_error!(BucketAlreadyOwnedByYou, "{message}"));
        }
        let record = BucketRecord {
            created_ms: self.clock.epoch_ms(),
            versioning: Versioning::Never,
            region,
        };
        std::fs::create_dir_all(self.layout.data(name, "")).map_err(failed)?;
        std::fs::create_dir_all(self.layout.root().join(name)).map_err(failed)?;
        self.layout
            .write(&self.layout.settings(name), &record)
            .map_err(failed)?;
        let (keys, uploads) = (BTreeMap::new(), BTreeMap::new());
        state.buckets.insert(
            name.to_owned(),
            Bucket {
                record,
                keys,
                uploads,
            },
        );
        Ok(())
    }

    /// Turns versioning on or off.
    ///
    /// # Errors
    /// `NoSuchBucket`.
    pub fn set_versioning(&self, name: &str, versioning: Versioning) -> S3Result<()> {
        let mut state = self.lock();
        let bucket = state.buckets.get_mut(name).ok_or_else(no_such_bucket)?;
        let record = BucketRecord {
            versioning,
            ..bucket.record.clone()
        };
        self.layout
            .write(&self.layout.settings(name), &record)
            .map_err(failed)?;
        bucket.record = record;
        Ok(())
    }

    /// Deletes a bucket.
    ///
    /// # Errors
    /// `BucketNotEmpty` while it has a version, a delete marker or an unfinished upload.
    pub fn delete_bucket(&self, name: &str) -> S3Result<()> {
        let mut state = self.lock();
        let bucket = state.buckets.get(name).ok_or_else(no_such_bucket)?;
        if !bucket.keys.is_empty() || !bucket.uploads.is_empty() {
            return Err(s3_error!(
                BucketNotEmpty,
                "The bucket you tried to delete is not empty"
            ));
        }
        layout::remove(&self.layout.settings(name)).map_err(failed)?;
        std::fs::remove_dir_all(self.layout.bucket(name)).map_err(failed)?;
        // Files that somebody else put there are not ours to remove.
        let _ = std::fs::remove_dir(self.layout.root().join(name));
        state.buckets.remove(name);
        Ok(())
    }
}
