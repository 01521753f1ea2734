//! The parts of a multipart upload: some on their way while later ones are being made.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use tokio::task::JoinSet;

use super::{Stored, Upload, cause, failed};
use crate::aws::without_code;
use crate::error::CallError;

/// Parts on their way at once; each holds its bytes in memory until S3 has them.
const PARTS_IN_FLIGHT: usize = 3;

pub(super) struct Multipart {
    upload_id: String,
    begun: i32,
    in_flight: JoinSet<Result<CompletedPart, CallError>>,
    done: Vec<CompletedPart>,
}

impl Upload {
    pub(super) async fn give_up(&self, multipart: Multipart) {
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

    pub(super) async fn send_part(&mut self, body: Bytes) -> Result<(), CallError> {
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

    pub(super) async fn complete(&mut self) -> Result<Stored, CallError> {
        let rest = self.pending.split().freeze();
        if !rest.is_empty() {
            self.send_part(rest).await?;
        }
        let about = self.about();
        let Some(multipart) = &mut self.multipart else {
            return Err(without_code(
                "S3 UploadPart",
                about,
                "there is no upload to complete",
            ));
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
}

impl Multipart {
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
