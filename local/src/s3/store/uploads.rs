//! Changes of multipart uploads: begun, given parts, and ended with an object or without.

use s3s::S3Result;
use uuid::Uuid;

use super::{State, Store, failed, no_such_bucket};
use crate::s3::bucket::{current, no_such_upload, upload_of};
use crate::s3::conditions::WriteCondition;
use crate::s3::layout;
use crate::s3::record::{Content, Part, Upload, Version};

impl Store {
    /// Begins an upload.
    ///
    /// # Errors
    /// `NoSuchBucket`.
    pub fn begin_upload(&self, name: &str, mut upload: Upload) -> S3Result<Upload> {
        let mut state = self.lock();
        let bucket = state.buckets.get_mut(name).ok_or_else(no_such_bucket)?;
        // Ids in the order of their beginning: listings of uploads promise that order.
        let (time, unique) = (self.clock.epoch_ms(), Uuid::new_v4().simple());
        upload.upload_id = format!("{time:012x}{unique}");
        upload.initiated_ms = time;
        let record = self
            .layout
            .upload(name, &upload.upload_id)
            .join("upload.json");
        self.layout.write(&record, &upload).map_err(failed)?;
        bucket.uploads.insert(
            (upload.key.clone(), upload.upload_id.clone()),
            upload.clone(),
        );
        Ok(upload)
    }

    /// Adds a part, in place of an earlier one of its number.
    ///
    /// # Errors
    /// `NoSuchUpload` when it was completed or aborted meanwhile.
    pub fn add_part(&self, name: &str, key: &str, upload_id: &str, part: Part) -> S3Result<()> {
        let mut state = self.lock();
        let bucket = state.buckets.get_mut(name).ok_or_else(no_such_bucket)?;
        let upload = bucket
            .uploads
            .get_mut(&(key.to_owned(), upload_id.to_owned()));
        let upload = upload.ok_or_else(no_such_upload)?;
        let record = self
            .layout
            .upload(name, upload_id)
            .join(format!("{}.json", part.number));
        self.layout.write(&record, &part).map_err(failed)?;
        if let Some(old) = upload.parts.insert(part.number, part) {
            layout::remove(&self.layout.data(name, &old.data)).map_err(failed)?;
        }
        Ok(())
    }

    /// Ends an upload without an object.
    ///
    /// # Errors
    /// `NoSuchUpload`.
    pub fn abort(&self, name: &str, key: &str, upload_id: &str) -> S3Result<()> {
        self.end_upload(&mut self.lock(), name, key, upload_id)
    }

    fn end_upload(
        &self,
        state: &mut State,
        name: &str,
        key: &str,
        upload_id: &str,
    ) -> S3Result<()> {
        let bucket = state.buckets.get_mut(name).ok_or_else(no_such_bucket)?;
        let upload = bucket
            .uploads
            .remove(&(key.to_owned(), upload_id.to_owned()));
        let upload = upload.ok_or_else(no_such_upload)?;
        let records = self.layout.upload(name, upload_id);
        // First the record that makes it an upload: a kill now leaves no half of one.
        layout::remove(&records.join("upload.json")).map_err(failed)?;
        std::fs::remove_dir_all(records).map_err(failed)?;
        for part in upload.parts.values() {
            layout::remove(&self.layout.data(name, &part.data)).map_err(failed)?;
        }
        Ok(())
    }

    /// Makes an upload's content the newest version of its key, and ends the upload.
    ///
    /// # Errors
    /// `NoSuchUpload` when it was completed or aborted meanwhile, or what the condition says.
    pub fn complete(
        &self,
        name: &str,
        upload: &Upload,
        content: Content,
        condition: &WriteCondition,
    ) -> S3Result<Version> {
        let mut state = self.lock();
        let bucket = state.buckets.get(name).ok_or_else(no_such_bucket)?;
        upload_of(bucket, &upload.key, &upload.upload_id)?;
        condition.check(current(bucket, &upload.key))?;
        let version = self.add(&mut state, name, &upload.key, Some(content))?;
        self.end_upload(&mut state, name, &upload.key, &upload.upload_id)?;
        Ok(version)
    }
}
