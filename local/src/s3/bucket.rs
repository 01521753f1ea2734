//! A bucket as it is in memory, and what is looked up in it.

use std::collections::BTreeMap;

use s3s::{S3Error, S3Result, s3_error};

use super::record::{BucketRecord, Content, Upload, Version};

/// A bucket: its settings, its objects and what is on its way to be one.
#[derive(Debug)]
pub struct Bucket {
    pub record: BucketRecord,
    /// The versions of each key, newest first, never none; keys in the order of their UTF-8 bytes.
    pub keys: BTreeMap<String, Vec<Version>>,
    /// By key and upload id.
    pub uploads: BTreeMap<(String, String), Upload>,
}

/// The newest version of a key; none when there is none, or it is a delete marker.
pub fn current<'a>(bucket: &'a Bucket, key: &str) -> Option<(&'a Version, &'a Content)> {
    let newest = bucket.keys.get(key)?.first()?;
    Some((newest, newest.content.as_ref()?))
}

/// An unfinished upload of that key.
pub fn upload_of<'a>(bucket: &'a Bucket, key: &str, upload_id: &str) -> S3Result<&'a Upload> {
    let upload = bucket.uploads.get(&(key.to_owned(), upload_id.to_owned()));
    upload.ok_or_else(no_such_upload)
}

/// An upload that never was, or has ended.
pub fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}
