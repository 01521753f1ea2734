//! A multipart upload: some parts are under way while later ones are being made.

use std::time::Instant;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::task::JoinSet;

use super::super::{Bundles, Metadata, request};
use super::CONTENT_TYPE;
use crate::aws::without_code;
use crate::error::CallError;

/// Parts under way at once; each holds its bytes in memory until S3 has them.
const PARTS_IN_FLIGHT: usize = 3;

const UPLOAD_PART: &str = "S3 UploadPart";

pub(super) struct Multipart {
    bundles: Bundles,
    key: String,
    upload_id: String,
    in_flight: JoinSet<Result<CompletedPart, CallError>>,
    done: Vec<CompletedPart>,
}

impl Multipart {
    pub(super) async fn begin(
        bundles: &Bundles,
        key: &str,
        metadata: Metadata,
    ) -> Result<Self, CallError> {
        let answer = request!(bundles, create_multipart_upload)
            .key(key)
            .content_type(CONTENT_TYPE)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .set_metadata(Some(metadata))
            .send()
            .await
            .map_err(|error| bundles.failed("S3 CreateMultipartUpload", key, &error))?;
        Ok(Self {
            bundles: bundles.clone(),
            key: key.to_owned(),
            upload_id: answer.upload_id.unwrap_or_default(),
            in_flight: JoinSet::new(),
            done: Vec::new(),
        })
    }

    /// How many parts are under way.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Sends one part; waits while enough others are under way.
    pub(super) async fn send(&mut self, body: Bytes) -> Result<(), CallError> {
        self.wait_until_in_flight(PARTS_IN_FLIGHT - 1).await?;
        // A part under way waits for nothing but the network, and then gives its permit back.
        let permit = self.bundles.parts.clone().acquire_owned().await;
        let number = i32::try_from(self.done.len() + self.in_flight.len() + 1).unwrap_or(i32::MAX);
        let (bundles, key, bytes) = (self.bundles.clone(), self.key.clone(), body.len());
        let call = request!(bundles, upload_part)
            .key(&key)
            .upload_id(&self.upload_id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(body));
        self.in_flight.spawn(async move {
            let begun = Instant::now();
            let answer = call
                .send()
                .await
                .map_err(|error| bundles.failed(UPLOAD_PART, &key, &error))?;
            drop(permit);
            bundles.upload_speed.measured(bytes, begun.elapsed());
            Ok(CompletedPart::builder()
                .part_number(number)
                .set_e_tag(answer.e_tag)
                .set_checksum_crc32(answer.checksum_crc32)
                .build())
        });
        Ok(())
    }

    /// Makes one object of the parts; answers its version.
    pub(super) async fn complete(&mut self) -> Result<Option<String>, CallError> {
        self.wait_until_in_flight(0).await?;
        self.done.sort_by_key(CompletedPart::part_number);
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(self.done.clone()))
            .build();
        let answer = request!(self.bundles, complete_multipart_upload)
            .key(&self.key)
            .upload_id(&self.upload_id)
            .multipart_upload(parts)
            .send()
            .await;
        let failed = |error| {
            let call = "S3 CompleteMultipartUpload";
            self.bundles.failed(call, &self.key, &error)
        };
        Ok(answer.map_err(failed)?.version_id)
    }

    /// Tells S3 to drop the parts that it has. Where that fails, or time ends before S3 answers, the bucket's
    /// lifecycle rule removes them.
    pub(super) async fn abort(self) {
        // A part that arrives after the abort would stay.
        drop(self.in_flight);
        let aborted = request!(self.bundles, abort_multipart_upload)
            .key(&self.key)
            .upload_id(self.upload_id)
            .send()
            .await;
        if let Err(error) = aborted {
            let call = "S3 AbortMultipartUpload";
            let error = self.bundles.failed(call, &self.key, &error);
            tracing::warn!(%error, "an unfinished upload stays until the bucket's lifecycle rule removes it");
        }
    }

    /// Waits until no more than so many parts are under way.
    async fn wait_until_in_flight(&mut self, most: usize) -> Result<(), CallError> {
        while self.in_flight.len() > most
            && let Some(part) = self.in_flight.join_next().await
        {
            let ended_early = |error| format!("a part's task ended early: {error}");
            let part =
                part.map_err(|error| without_code(UPLOAD_PART, &self.key, &ended_early(error)))?;
            self.done.push(part?);
        }
        Ok(())
    }
}
