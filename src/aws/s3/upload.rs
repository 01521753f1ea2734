//! One bundle on its way into the bucket: a single PutObject where it is less than two parts, which
//! saves two calls that wait for each other; or else parts of a multipart upload, sent while later
//! ones are still being made.
//!
//! What may not be whole when time ends goes under a key of its own and is copied to its place at
//! the end: nothing that is not whole is ever where a bundle should be.

mod aside;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use tokio::task::JoinSet;

use super::{Bundles, Label, PARTIAL, Stored, cause, failed, version};
use crate::error::CallError;

/// Bytes in a part. S3 wants 5 MiB at least and takes 10,000 parts
/// (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>): 80 GB in all.
const PART: usize = 8 * 1024 * 1024;

/// Parts on their way at once; each holds its bytes in memory until S3 has them.
const PARTS_IN_FLIGHT: usize = 3;

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

struct Multipart {
    upload_id: String,
    begun: i32,
    in_flight: JoinSet<Result<CompletedPart, CallError>>,
    done: Vec<CompletedPart>,
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

    async fn give_up(&self, multipart: Multipart) {
        // A part that arrives after the abort would stay.
        drop(multipart.in_flight);
        let aborted = self
            .bundles
            .client
            .abort_multipart_upload()
            .bucket(&self.bundles.bucket)
            .key(&self.key)
            .upload_id(multipart.upload_id)
            .send()
            .await;
        if let Err(error) = aborted {
            let error = failed("S3 AbortMultipartUpload", self.about(), &error, cause);
            tracing::warn!(%error, "an unfinished upload stays until the bucket's lifecycle rule removes it");
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

    async fn send_part(&mut self, body: Bytes) -> Result<(), CallError> {
        if self.multipart.is_none() {
            self.multipart = Some(self.begin().await?);
        }
        let about = self.about();
        let Some(multipart) = &mut self.multipart else {
            return Ok(());
        };
        while multipart.in_flight.len() >= PARTS_IN_FLIGHT {
            multipart.collect_one().await?;
        }
        multipart.begun += 1;
        let number = multipart.begun;
        let call = self
            .bundles
            .client
            .upload_part()
            .bucket(&self.bundles.bucket)
            .key(&self.key)
            .upload_id(&multipart.upload_id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(body));
        multipart.in_flight.spawn(async move {
            let answer = call
                .send()
                .await
                .map_err(|error| failed("S3 UploadPart", about, &error, cause))?;
            Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(answer.e_tag)
                .set_checksum_crc32(answer.checksum_crc32)
                .build())
        });
        Ok(())
    }

    async fn begin(&self) -> Result<Multipart, CallError> {
        const CALL: &str = "S3 CreateMultipartUpload";
        let mut create = self
            .bundles
            .client
            .create_multipart_upload()
            .bucket(&self.bundles.bucket)
            .key(&self.key)
            .content_type("application/zip")
            .checksum_algorithm(ChecksumAlgorithm::Crc32);
        for (name, value) in self.metadata() {
            create = create.metadata(name, value);
        }
        let answer = create
            .send()
            .await
            .map_err(|error| failed(CALL, self.about(), &error, cause))?;
        Ok(Multipart {
            upload_id: answer.upload_id.unwrap_or_default(),
            begun: 0,
            in_flight: JoinSet::new(),
            done: Vec::new(),
        })
    }

    async fn complete(&mut self) -> Result<Stored, CallError> {
        let rest = self.pending.split().freeze();
        if !rest.is_empty() {
            self.send_part(rest).await?;
        }
        let about = self.about();
        let Some(multipart) = &mut self.multipart else {
            return Err(unexpected(about, "there is no upload to complete"));
        };
        while !multipart.in_flight.is_empty() {
            multipart.collect_one().await?;
        }
        multipart.done.sort_by_key(CompletedPart::part_number);
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(multipart.done.clone()))
            .build();
        let completed = self
            .bundles
            .client
            .complete_multipart_upload()
            .bucket(&self.bundles.bucket)
            .key(&self.key)
            .upload_id(&multipart.upload_id)
            .multipart_upload(parts)
            .send()
            .await;
        match completed {
            Ok(answer) => {
                self.multipart = None;
                Ok(self.stored(answer.version_id()))
            }
            Err(error) => {
                let error = failed("S3 CompleteMultipartUpload", about, &error, cause);
                // The connection may have been cut after S3 completed it; the SDK's next attempt
                // then finds no upload. The object tells.
                if error.code.as_deref() == Some("NoSuchUpload") {
                    let there = self
                        .bundles
                        .of_event(&self.key, &self.label.event_id)
                        .await?;
                    if let Some(stored) = there {
                        self.multipart = None;
                        return Ok(stored);
                    }
                }
                Err(error)
            }
        }
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

impl Multipart {
    async fn collect_one(&mut self) -> Result<(), CallError> {
        match self.in_flight.join_next().await {
            None => Ok(()),
            Some(Ok(part)) => {
                self.done.push(part?);
                Ok(())
            }
            Some(Err(error)) => Err(unexpected(
                "a part".to_owned(),
                &format!("its task ended early: {error}"),
            )),
        }
    }
}

fn unexpected(about: String, message: &str) -> CallError {
    CallError {
        call: "S3 UploadPart",
        about,
        cause: crate::error::Cause::Unknown,
        code: None,
        message: message.to_owned(),
        request_id: None,
    }
}
