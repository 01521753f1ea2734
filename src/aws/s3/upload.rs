//! One bundle on its way into the bucket. One of less than two parts is a single PutObject, which
//! saves two calls that wait for each other. Other bundles are multipart uploads, whose parts are
//! sent while later ones are still being made.
//!
//! Only whole bundles are where a bundle should be: one that may not be whole when time ends is
//! written under another key, as a partial bundle, and copied to its place at the end.

mod multipart;
mod speed;

use std::time::{Duration, Instant};

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::MetadataDirective;
use aws_smithy_types::timeout::TimeoutConfig;
use bytes::{Bytes, BytesMut};
use multipart::Multipart;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub(super) use speed::UploadSpeed;

use super::{Bundles, Label, Metadata, Stored, request, version};
use crate::error::CallError;
use crate::memory::PART;

/// What is encoded in a key that the header with a copy's source names.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Time for S3 to copy an object: 5 GB is the most that one call copies.
const COPY_TIME: Duration = Duration::from_mins(2);

const CONTENT_TYPE: &str = "application/zip";

/// A bundle that is being written.
pub struct Upload {
    bundles: Bundles,
    label: Label,
    /// Where the bundle belongs.
    bundle_key: String,
    /// Where a partial bundle belongs.
    partial_key: String,
    /// Whether it is written as a partial bundle.
    is_partial: bool,
    /// The first part, once it is full and until a second one is.
    first: Option<Bytes>,
    /// Begun with the second part.
    multipart: Option<Multipart>,
    /// What no part holds yet.
    pending: BytesMut,
}

impl Bundles {
    /// Begins a bundle; nothing is sent before it has two parts or is finished. `partial` is its key
    /// as a partial bundle.
    pub fn upload(&self, key: &str, partial: &str, label: &Label) -> Upload {
        Upload {
            bundles: self.clone(),
            label: label.clone(),
            bundle_key: key.to_owned(),
            partial_key: partial.to_owned(),
            is_partial: false,
            first: None,
            multipart: None,
            pending: BytesMut::new(),
        }
    }
}

impl Upload {
    /// Chooses whether it is written as a partial bundle, which can be [saved](Self::save) before it
    /// is whole. Once a part is under way, this no longer changes.
    pub fn set_partial(&mut self, is_partial: bool) {
        if self.multipart.is_none() {
            self.is_partial = is_partial;
        }
    }

    /// Whether it can be left as a partial bundle.
    pub fn can_be_partial(&self) -> bool {
        self.is_partial || self.multipart.is_none()
    }

    /// How long it takes to send what S3 does not have yet, and so many bytes more.
    pub fn time_to_send(&self, more: usize) -> Duration {
        let first = self.first.as_ref().map_or(0, Bytes::len);
        let parts = self.multipart.as_ref().map_or(0, Multipart::in_flight);
        let bytes = first + parts * PART + self.pending.len() + more;
        self.bundles.upload_speed.time_for(bytes as u64)
    }

    /// Takes the next bytes; waits while enough parts are under way.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), CallError> {
        // Each part's memory is reserved at once: a buffer that grows would take twice as much.
        while self.pending.len() + bytes.len() >= PART {
            let (now, later) = bytes.split_at(PART - self.pending.len());
            self.pending.extend_from_slice(now);
            bytes = later;
            let part = std::mem::take(&mut self.pending).freeze();
            self.send(part).await?;
            self.pending.reserve(PART);
        }
        self.pending.extend_from_slice(bytes);
        Ok(())
    }

    async fn send(&mut self, part: Bytes) -> Result<(), CallError> {
        if let Some(multipart) = &mut self.multipart {
            return multipart.send(part).await;
        }
        let Some(first) = self.first.take() else {
            self.first = Some(part);
            return Ok(());
        };
        let begun = Multipart::begin(&self.bundles, self.key(), self.metadata()).await?;
        let multipart = self.multipart.insert(begun);
        multipart.send(first).await?;
        multipart.send(part).await
    }

    /// Completes the bundle.
    pub async fn finish(&mut self) -> Result<Stored, CallError> {
        self.set_partial(false);
        let stored = self.complete().await?;
        if !self.is_partial {
            return Ok(stored);
        }
        let stored = self.copy_to_its_place(&stored).await?;
        self.bundles.remove_partial(&self.partial_key).await;
        Ok(stored)
    }

    /// Saves what was written as a partial bundle, and answers whether it did. It aborts the upload
    /// if parts went to the key of the whole bundle, or if an earlier delivery saved more.
    pub async fn save(&mut self, length: u64) -> Result<bool, CallError> {
        self.set_partial(true);
        let is_saved = self.is_partial && !self.has_more_already(length).await;
        if is_saved {
            self.complete().await?;
        } else {
            self.abort().await;
        }
        Ok(is_saved)
    }

    /// Whether there is a partial bundle of more bytes, or may be. Partial bundles of one push have
    /// the same entries, and so the longer one has more of their contents.
    async fn has_more_already(&self, length: u64) -> bool {
        match self.bundles.length(&self.partial_key).await {
            Ok(there) => there > length,
            Err(error) => {
                tracing::warn!(%error, "what an earlier delivery left is kept, since it may be more");
                true
            }
        }
    }

    /// Tells S3 to drop the parts that it has.
    pub async fn abort(&mut self) {
        if let Some(multipart) = self.multipart.take() {
            multipart.abort().await;
        }
    }

    async fn complete(&mut self) -> Result<Stored, CallError> {
        let rest = std::mem::take(&mut self.pending).freeze();
        let Some(multipart) = &mut self.multipart else {
            let body = match self.first.take() {
                Some(first) => Bytes::from([first, rest].concat()),
                None => rest,
            };
            return self.put(body).await;
        };
        if !rest.is_empty() {
            multipart.send(rest).await?;
        }
        let stored = match multipart.complete().await {
            Ok(version) => self.stored(version.as_deref()),
            Err(error) if error.code.as_deref() == Some("NoSuchUpload") => {
                // The connection may have been cut after S3 completed it: the SDK's next attempt
                // then finds no upload, but the object is there.
                let there = self.bundles.of_event(self.key(), &self.label.event_id);
                there.await?.ok_or(error)?
            }
            Err(error) => return Err(error),
        };
        self.multipart = None;
        Ok(stored)
    }

    async fn put(&self, body: Bytes) -> Result<Stored, CallError> {
        let (begun, bytes) = (Instant::now(), body.len());
        let answer = request!(self.bundles, put_object)
            .key(self.key())
            .content_type(CONTENT_TYPE)
            .set_metadata(Some(self.metadata()))
            .body(ByteStream::from(body))
            .send()
            .await
            .map_err(|error| self.bundles.failed("S3 PutObject", self.key(), &error))?;
        self.bundles.upload_speed.measured(bytes, begun.elapsed());
        Ok(self.stored(answer.version_id()))
    }

    /// Copies the partial bundle, which is whole now, to the key of the bundle, within S3.
    async fn copy_to_its_place(&mut self, partial: &Stored) -> Result<Stored, CallError> {
        let key = utf8_percent_encode(&self.partial_key, ENCODED);
        let mut source = format!("{}/{key}", self.bundles.bucket);
        if let Some(version) = &partial.version {
            source = format!("{source}?versionId={version}");
        }
        self.is_partial = false;
        let patience = TimeoutConfig::builder()
            .read_timeout(COPY_TIME)
            .operation_attempt_timeout(COPY_TIME)
            .build();
        let answer = request!(self.bundles, copy_object)
            .copy_source(source)
            .set_expected_source_bucket_owner(self.bundles.owner.get().cloned())
            .key(&self.bundle_key)
            .content_type(CONTENT_TYPE)
            .metadata_directive(MetadataDirective::Replace)
            .set_metadata(Some(self.metadata()))
            .customize()
            .config_override(aws_sdk_s3::config::Config::builder().timeout_config(patience))
            .send()
            .await
            .map_err(|error| self.bundles.failed("S3 CopyObject", self.key(), &error))?;
        Ok(self.stored(answer.version_id()))
    }

    fn key(&self) -> &str {
        if self.is_partial {
            &self.partial_key
        } else {
            &self.bundle_key
        }
    }

    /// The object metadata, which marks a partial bundle.
    fn metadata(&self) -> Metadata {
        self.label.metadata(self.is_partial)
    }

    fn stored(&self, version_id: Option<&str>) -> Stored {
        Stored {
            key: self.key().to_owned(),
            version: version(version_id),
            commit: self.label.commit,
        }
    }
}
