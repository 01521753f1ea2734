//! One bundle on its way into the bucket: a single PutObject where it is less than two parts, which
//! saves two calls that wait for each other; or else parts of a multipart upload, sent while later
//! ones are still being made.
//!
//! What may not be whole when time ends goes under a key of its own and is copied to its place at
//! the end: nothing that is not whole is ever where a bundle should be.

mod aside;
mod parts;

use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use parts::Multipart;

use super::{Bundles, Label, PARTIAL, Stored, cause, failed, version};
use crate::error::CallError;

/// Bytes in a part. S3 wants 5 MiB at least and takes 10,000 parts
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>): 80 GB in all.
const PART: usize = 8 * 1024 * 1024;

/// A bundle that is being written.
pub struct Upload {
    bundles: Bundles,
    /// Where the bundle belongs.
    home: String,
    /// Where what is not whole may be.
    aside: String,
    /// Which of the two it is written to.
    key: String,
    label: Label,
    /// The first part, until there is a second one.
    first: Option<Bytes>,
    /// What no part holds yet.
    pending: BytesMut,
    multipart: Option<Multipart>,
}

impl Upload {
    pub(super) fn new(bundles: Bundles, home: &str, aside: &str, label: &Label) -> Self {
        Self {
            bundles,
            home: home.to_owned(),
            aside: aside.to_owned(),
            key: home.to_owned(),
            label: label.clone(),
            first: None,
            pending: BytesMut::new(),
            multipart: None,
        }
    }

    fn is_aside(&self) -> bool {
        self.key == self.aside
    }

    /// Takes the next bytes; waits while enough parts are under way.
    ///
    /// # Errors
    ///
    /// A part, this one or an earlier one, that S3 did not take.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), CallError> {
        // Exactly one part's worth of memory for each part, which a buffer that grows would
        // double.
        while self.pending.len() + bytes.len() >= PART {
            let (now, later) = bytes.split_at(PART - self.pending.len());
            self.pending.extend_from_slice(now);
            bytes = later;
            let part = std::mem::take(&mut self.pending).freeze();
            if self.multipart.is_none() && self.first.is_none() {
                self.first = Some(part);
                continue;
            }
            if let Some(first) = self.first.take() {
                self.send_part(first).await?;
            }
            self.send_part(part).await?;
        }
        if self.pending.capacity() == 0 && (self.multipart.is_some() || self.first.is_some()) {
            self.pending.reserve(PART);
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    /// Completes the object.
    ///
    /// # Errors
    ///
    /// A failed call; the upload is then to be [aborted](Self::abort).
    pub async fn finish(&mut self) -> Result<Stored, CallError> {
        if self.multipart.is_none() {
            self.key.clone_from(&self.home);
            return self.put_whole().await;
        }
        let stored = self.complete().await?;
        if !self.is_aside() {
            return Ok(stored);
        }
        let stored = self.bring_home(&stored).await?;
        self.bundles.remove_partial(&self.aside).await;
        Ok(stored)
    }

    /// Gives up the parts that S3 has already. What cannot be given up, the bucket's lifecycle
    /// rule removes.
    pub async fn abort(mut self) {
        if let Some(multipart) = self.multipart.take() {
            self.give_up(multipart).await;
        }
    }

    async fn put_whole(&mut self) -> Result<Stored, CallError> {
        let rest = std::mem::take(&mut self.pending).freeze();
        let body = match self.first.take() {
            Some(first) => Bytes::from([first, rest].concat()),
            None => rest,
        };
        let mut put = self
            .bundles
            .client
            .put_object()
            .bucket(&self.bundles.bucket)
            .key(&self.key)
            .content_type("application/zip")
            .body(ByteStream::from(body));
        for (name, value) in self.metadata() {
            put = put.metadata(name, value);
        }
        let answer = put
            .send()
            .await
            .map_err(|error| failed("S3 PutObject", self.about(), &error, cause))?;
        Ok(self.stored(answer.version_id()))
    }

    /// What is not whole, or may not be, says so.
    fn metadata(&self) -> impl Iterator<Item = (&'static str, String)> {
        let partial = self.is_aside().then(|| (PARTIAL, "true".to_owned()));
        self.label.metadata().into_iter().chain(partial)
    }

    fn stored(&self, version_id: Option<&str>) -> Stored {
        Stored {
            key: self.key.clone(),
            version: version(version_id),
            commit: self.label.commit,
        }
    }

    fn about(&self) -> String {
        self.bundles.about(&self.key)
    }
}
