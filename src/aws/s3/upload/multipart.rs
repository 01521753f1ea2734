//! A multipart upload: some parts on their way while later ones are being made.

use std::time::Instant;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::task::JoinSet;

use super::super::{Bundles, cause, failed};
use crate::aws::without_code;
use crate::error::CallError;

/// Parts on their way at once; each holds its bytes in memory until S3 has them.
const PARTS_IN_FLIGHT: usize = 3;

pub(super) struct Multipart {
    bundles: Bundles,
    pub(super) key: String,
    upload_id: String,
    begun: i32,
    in_flight: JoinSet<Result<CompletedPart, CallError>>,
    done: Vec<CompletedPart>,
}

impl Multipart {
    pub(super) async fn begin(
        bundles: &Bundles,
        key: &str,
        metadata: impl Iterator<Item = (&'static str, String)>,
    ) -> Result<Self, CallError> {
        const CALL: &str = "S3 CreateMultipartUpload";
        let mut create = bundles
            .client
            .create_multipart_upload()
            .bucket(&bundles.bucket)
            .set_expected_bucket_owner(bundles.owner())
            .key(key)
            .content_type("application/zip")
            .checksum_algorithm(ChecksumAlgorithm::Crc32);
        for (name, value) in metadata {
            create = create.metadata(name, value);
        }
        let answer = create
            .send()
            .await
            .map_err(|error| failed(CALL, bundles.about(key), &error, cause))?;
        Ok(Self {
            bundles: bundles.clone(),
            key: key.to_owned(),
            upload_id: answer.upload_id.unwrap_or_default(),
            begun: 0,
            in_flight: JoinSet::new(),
            done: Vec::new(),
        })
    }

    /// Parts on their way.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Sends one part; waits while enough others are under way.
    pub(super) async fn send(&mut self, body: Bytes) -> Result<(), CallError> {
        while self.in_flight.len() >= PARTS_IN_FLIGHT {
            self.collect_one().await?;
        }
        // A part on its way needs nothing but the network, so its permit comes back.
        let permit = self.bundles.parts.clone().acquire_owned().await;
        self.begun += 1;
        let number = self.begun;
        let about = self.bundles.about(&self.key);
        let (speed, bytes) = (self.bundles.upload_speed.clone(), body.len());
        let call = self
            .bundles
            .client
            .upload_part()
            .bucket(&self.bundles.bucket)
            .set_expected_bucket_owner(self.bundles.owner())
            .key(&self.key)
            .upload_id(&self.upload_id)
            .part_number(number)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .body(ByteStream::from(body));
        self.in_flight.spawn(async move {
            let begun = Instant::now();
            let answer = call
                .send()
                .await
                .map_err(|error| failed("S3 UploadPart", about, &error, cause))?;
            drop(permit);
            speed.measured(bytes, begun.elapsed());
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
        while !self.in_flight.is_empty() {
            self.collect_one().await?;
        }
        self.done.sort_by_key(CompletedPart::part_number);
        let parts = CompletedMultipartUpload::builder()
            .set_parts(Some(self.done.clone()))
            .build();
        let about = self.bundles.about(&self.key);
        self.bundles
            .client
            .complete_multipart_upload()
            .bucket(&self.bundles.bucket)
            .set_expected_bucket_owner(self.bundles.owner())
            .key(&self.key)
            .upload_id(&self.upload_id)
            .multipart_upload(parts)
            .send()
            .await
            .map(|answer| answer.version_id)
            .map_err(|error| failed("S3 CompleteMultipartUpload", about, &error, cause))
    }

    /// Gives up the parts that S3 has already. What cannot be given up, the bucket's lifecycle
    /// rule removes.
    pub(super) async fn abort(self) {
        // A part that arrives after the abort would stay.
        drop(self.in_flight);
        let aborted = self
            .bundles
            .client
            .abort_multipart_upload()
            .bucket(&self.bundles.bucket)
            .set_expected_bucket_owner(self.bundles.owner())
            .key(&self.key)
            .upload_id(self.upload_id)
            .send()
            .await;
        if let Err(error) = aborted {
            let about = self.bundles.about(&self.key);
            let error = failed("S3 AbortMultipartUpload", about, &error, cause);
            tracing::warn!(%error, "an unfinished upload stays until the bucket's lifecycle rule removes it");
        }
    }

    async fn collect_one(&mut self) -> Result<(), CallError> {
        match self.in_flight.join_next().await {
            None => Ok(()),
            Some(Ok(part)) => {
                self.done.push(part?);
                Ok(())
            }
            Some(Err(error)) => Err(without_code(
                "S3 UploadPart",
                "a part",
                &format!("its task ended early: {error}"),
            )),
        }
    }
}
