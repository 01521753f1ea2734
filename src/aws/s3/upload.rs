//! One bundle on its way into the bucket: a single PutObject where it is less than two parts, which
//! saves two calls that wait for each other; or else parts of a multipart upload, sent while later
//! ones are still being made.
//!
//! What may not be whole when time ends is written under a key of its own, as a partial bundle, and
//! copied to its place at the end: only whole bundles are where a bundle should be.

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

use super::{Bundles, Label, PARTIAL, Stored, cause, failed, version};
use crate::error::CallError;
use crate::memory::PART;

/// What a key in the header that names a copy's source is not to hold as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// For S3 to copy an object by itself: 5 GB is the most that one call copies.
const COPY_TIME: Duration = Duration::from_mins(2);

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
    /// What no part holds yet.
    pending: BytesMut,
    sent: Sent,
}

/// What S3 has of a bundle.
enum Sent {
    /// Nothing: it is one object, whose first part is full or not.
    Nothing(Option<Bytes>),
    /// Parts.
    Parts(Multipart),
}

impl Upload {
    pub(super) fn new(
        bundles: Bundles,
        bundle_key: &str,
        partial_key: &str,
        label: &Label,
    ) -> Self {
        Self {
            bundles,
            label: label.clone(),
            bundle_key: bundle_key.to_owned(),
            partial_key: partial_key.to_owned(),
            is_partial: false,
            pending: BytesMut::new(),
            sent: Sent::Nothing(None),
        }
    }

    /// Whether it is to be written as a partial bundle, and so can [be left as one](Self::save).
    /// Once a part is under way it stays as it is.
    pub fn set_partial(&mut self, is_partial: bool) {
        if matches!(self.sent, Sent::Nothing(_)) {
            self.is_partial = is_partial;
        }
    }

    /// Whether it can be left as a partial bundle.
    pub fn can_be_partial(&self) -> bool {
        self.is_partial || matches!(self.sent, Sent::Nothing(_))
    }

    /// How long S3 takes to get what it has not got yet, and so many bytes more.
    pub fn time_to_send(&self, more: usize) -> Duration {
        let under_way = match &self.sent {
            Sent::Nothing(first) => first.as_ref().map_or(0, Bytes::len),
            Sent::Parts(multipart) => multipart.in_flight() * PART,
        };
        let bytes = under_way + self.pending.len() + more;
        self.bundles.upload_speed.time_for(bytes as u64)
    }

    /// Takes the next bytes; waits while enough parts are under way.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<(), CallError> {
        // Exactly one part's worth of memory for each part, which a buffer that grows would
        // double.
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
        if let Sent::Nothing(first) = &mut self.sent {
            let Some(first) = first.take() else {
                self.sent = Sent::Nothing(Some(part));
                return Ok(());
            };
            let begun = Multipart::begin(&self.bundles, self.key(), self.metadata()).await?;
            self.sent = Sent::Parts(begun);
            Box::pin(self.send(first)).await?;
        }
        match &mut self.sent {
            Sent::Parts(multipart) => multipart.send(part).await,
            Sent::Nothing(_) => Ok(()),
        }
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

    /// Leaves what was written as a partial bundle, unless it has to be given up: because it is
    /// under way to where whole bundles are, or because an earlier delivery left more.
    pub async fn save(&mut self, length: u64) -> Result<bool, CallError> {
        self.set_partial(true);
        let is_saved = self.is_partial && !self.has_more_already(length).await;
        if is_saved {
            self.complete().await?;
        } else {
            self.give_up().await;
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

    /// Gives up what S3 has already.
    pub async fn abort(mut self) {
        self.give_up().await;
    }

    async fn give_up(&mut self) {
        let sent = std::mem::replace(&mut self.sent, Sent::Nothing(None));
        if let Sent::Parts(multipart) = sent {
            multipart.abort().await;
        }
    }

    async fn complete(&mut self) -> Result<Stored, CallError> {
        let rest = std::mem::take(&mut self.pending).freeze();
        let multipart = match &mut self.sent {
            Sent::Nothing(first) => {
                let body = match first.take() {
                    Some(first) => Bytes::from([first, rest].concat()),
                    None => rest,
                };
                return self.put(body).await;
            }
            Sent::Parts(multipart) => multipart,
        };
        if !rest.is_empty() {
            multipart.send(rest).await?;
        }
        let stored = match multipart.complete().await {
            Ok(version) => self.stored(version.as_deref()),
            Err(error) if error.code.as_deref() == Some("NoSuchUpload") => {
                // The connection may have been cut after S3 completed it; the SDK's next attempt
                // then finds no upload. The object tells.
                let there = self.bundles.of_event(self.key(), &self.label.event_id);
                there.await?.ok_or(error)?
            }
            Err(error) => return Err(error),
        };
        self.sent = Sent::Nothing(None);
        Ok(stored)
    }

    async fn put(&self, body: Bytes) -> Result<Stored, CallError> {
        let (begun, bytes) = (Instant::now(), body.len());
        let mut put = self
            .bundles
            .client
            .put_object()
            .bucket(&self.bundles.bucket)
            .set_expected_bucket_owner(self.bundles.owner())
            .key(self.key())
            .content_type("application/zip")
            .body(ByteStream::from(body));
        for (name, value) in self.metadata() {
            put = put.metadata(name, value);
        }
        let answer = put
            .send()
            .await
            .map_err(|error| failed("S3 PutObject", self.about(), &error, cause))?;
        self.bundles.upload_speed.measured(bytes, begun.elapsed());
        Ok(self.stored(answer.version_id()))
    }

    /// Copies what is whole now; S3 does it without the bytes coming here.
    async fn copy_to_its_place(&mut self, partial: &Stored) -> Result<Stored, CallError> {
        let mut source = format!(
            "{}/{}",
            self.bundles.bucket,
            utf8_percent_encode(&self.partial_key, ENCODED)
        );
        if let Some(version) = &partial.version {
            source = format!("{source}?versionId={version}");
        }
        self.is_partial = false;
        let patience = TimeoutConfig::builder()
            .read_timeout(COPY_TIME)
            .operation_attempt_timeout(COPY_TIME)
            .build();
        let mut copy = self
            .bundles
            .client
            .copy_object()
            .copy_source(source)
            .bucket(&self.bundles.bucket)
            .set_expected_bucket_owner(self.bundles.owner())
            .set_expected_source_bucket_owner(self.bundles.owner())
            .key(&self.bundle_key)
            .content_type("application/zip")
            .metadata_directive(MetadataDirective::Replace);
        for (name, value) in self.metadata() {
            copy = copy.metadata(name, value);
        }
        let answer = copy
            .customize()
            .config_override(aws_sdk_s3::config::Config::builder().timeout_config(patience))
            .send()
            .await
            .map_err(|error| failed("S3 CopyObject", self.about(), &error, cause))?;
        Ok(self.stored(answer.version_id()))
    }

    fn key(&self) -> &str {
        if self.is_partial {
            &self.partial_key
        } else {
            &self.bundle_key
        }
    }

    /// What is not whole, or may not be, says so.
    fn metadata(&self) -> impl Iterator<Item = (&'static str, String)> + use<> {
        let partial = self.is_partial.then(|| (PARTIAL, "true".to_owned()));
        self.label.metadata().into_iter().chain(partial)
    }

    fn stored(&self, version_id: Option<&str>) -> Stored {
        Stored {
            key: self.key().to_owned(),
            version: version(version_id),
            commit: self.label.commit,
        }
    }

    fn about(&self) -> String {
        self.bundles.about(self.key())
    }
}
