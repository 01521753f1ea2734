//! Buckets, versions and uploads in memory, and every change of them: under one lock, so that a
//! condition such as "only when no such object exists" holds against concurrent writers, and on
//! disk before it is visible.
//!
//! A change is made by one rename of a record. The order is: data, record, the view for people,
//! then the data that nobody names any more; a kill in between loses nothing that was answered.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use s3s::{S3Error, S3Result, s3_error};
use uuid::Uuid;

use super::bucket::{Bucket, current};
use super::conditions::WriteCondition;
use super::layout::{self, Layout};
use super::record::{BucketRecord, Content, NULL, Version, Versioning};
use super::view;
use crate::clock::Clock;

mod buckets;
mod uploads;

/// What a DeleteObject did.
#[derive(Debug, Default)]
pub struct Deletion {
    /// The version that was removed, or the delete marker that was made.
    pub version_id: Option<String>,
    /// Whether that is a delete marker.
    pub marker: bool,
}

/// All buckets below one folder.
#[derive(Debug)]
pub struct Store {
    pub layout: Layout,
    pub clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    buckets: BTreeMap<String, Bucket>,
    last_sequence: u64,
}

impl Store {
    /// Reads what lies in the folder.
    ///
    /// # Errors
    /// When the folder cannot be made or read, or holds a record that is none.
    pub fn open(root: PathBuf, clock: Clock) -> io::Result<Self> {
        let layout = Layout::open(root)?;
        let mut state = State::default();
        for name in layout.buckets()? {
            let bucket = super::load::bucket(&layout, &name)?;
            let newest = bucket
                .keys
                .values()
                .flatten()
                .map(|version| version.sequence)
                .max();
            state.last_sequence = state.last_sequence.max(newest.unwrap_or_default());
            state.buckets.insert(name, bucket);
        }
        Ok(Self {
            layout,
            clock,
            state: Mutex::new(state),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The buckets' names and settings.
    pub fn buckets(&self) -> Vec<(String, BucketRecord)> {
        let state = self.lock();
        state
            .buckets
            .iter()
            .map(|(name, bucket)| (name.clone(), bucket.record.clone()))
            .collect()
    }

    /// Reads from a bucket.
    ///
    /// # Errors
    /// `NoSuchBucket`, or what `read` says.
    pub fn read<T>(&self, bucket: &str, read: impl FnOnce(&Bucket) -> S3Result<T>) -> S3Result<T> {
        read(self.lock().buckets.get(bucket).ok_or_else(no_such_bucket)?)
    }

    /// Makes `content` the newest version of the key.
    ///
    /// # Errors
    /// `NoSuchBucket`, or what the condition says.
    pub fn put(
        &self,
        name: &str,
        key: &str,
        content: Content,
        condition: &WriteCondition,
    ) -> S3Result<Version> {
        let mut state = self.lock();
        let bucket = state.buckets.get(name).ok_or_else(no_such_bucket)?;
        condition.check(current(bucket, key))?;
        self.add(&mut state, name, key, Some(content))
    }

    /// Deletes a version, or the object: by a delete marker where the bucket keeps versions.
    ///
    /// # Errors
    /// `NoSuchBucket`, or what the condition says.
    pub fn delete(
        &self,
        name: &str,
        key: &str,
        version_id: Option<&str>,
        condition: &WriteCondition,
    ) -> S3Result<Deletion> {
        let mut state = self.lock();
        let bucket = state.buckets.get(name).ok_or_else(no_such_bucket)?;
        condition.check(current(bucket, key))?;
        if let Some(version_id) = version_id {
            let marker = self.remove(&mut state, name, key, version_id)?;
            let version_id = Some(version_id.to_owned());
            return Ok(Deletion { version_id, marker });
        }
        if bucket.record.versioning == Versioning::Never {
            self.remove(&mut state, name, key, NULL)?;
            return Ok(Deletion::default());
        }
        let marker = self.add(&mut state, name, key, None)?;
        Ok(Deletion {
            version_id: Some(marker.version_id),
            marker: true,
        })
    }

    fn add(
        &self,
        state: &mut State,
        name: &str,
        key: &str,
        content: Option<Content>,
    ) -> S3Result<Version> {
        let sequence = state.last_sequence + 1;
        let bucket = state.buckets.get_mut(name).ok_or_else(no_such_bucket)?;
        let version_id = match bucket.record.versioning {
            Versioning::Enabled => Uuid::new_v4().simple().to_string(),
            Versioning::Never | Versioning::Suspended => NULL.to_owned(),
        };
        let modified_ms = self.clock.epoch_ms();
        let version = Version {
            key: key.to_owned(),
            version_id,
            sequence,
            modified_ms,
            content,
        };
        let record = self.layout.version(name, key, &version.version_id);
        self.layout.write(&record, &version).map_err(failed)?;
        state.last_sequence = sequence;
        let versions = bucket.keys.entry(key.to_owned()).or_default();
        let replaced = versions
            .iter()
            .position(|old| old.version_id == version.version_id);
        let replaced = replaced.map(|at| versions.remove(at));
        versions.insert(0, version.clone());
        self.show(name, key, bucket)?;
        self.drop_data(name, replaced)?;
        Ok(version)
    }

    /// Removes a version where there is one; says whether it was a delete marker.
    fn remove(&self, state: &mut State, name: &str, key: &str, version_id: &str) -> S3Result<bool> {
        let bucket = state.buckets.get_mut(name).ok_or_else(no_such_bucket)?;
        let Some(versions) = bucket.keys.get_mut(key) else {
            return Ok(false);
        };
        let Some(at) = versions
            .iter()
            .position(|version| version.version_id == version_id)
        else {
            return Ok(false);
        };
        layout::remove(&self.layout.version(name, key, version_id)).map_err(failed)?;
        let removed = versions.remove(at);
        if versions.is_empty() {
            bucket.keys.remove(key);
        }
        self.show(name, key, bucket)?;
        let marker = removed.content.is_none();
        self.drop_data(name, Some(removed))?;
        Ok(marker)
    }

    fn show(&self, name: &str, key: &str, bucket: &Bucket) -> S3Result<()> {
        match current(bucket, key) {
            Some((_, content)) => view::show(
                &self.layout,
                name,
                key,
                &self.layout.data(name, &content.data),
            ),
            None => view::hide(&self.layout, name, key),
        }
        .map_err(failed)
    }

    fn drop_data(&self, name: &str, version: Option<Version>) -> S3Result<()> {
        match version.and_then(|version| version.content) {
            Some(content) => layout::remove(&self.layout.data(name, &content.data)).map_err(failed),
            None => Ok(()),
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
