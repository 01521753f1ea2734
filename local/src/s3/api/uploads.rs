//! Multipart uploads: "Uploading and copying objects using multipart upload" of the S3 user guide.

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use super::write::{encryption, headers, sum};
use crate::s3::body::{Received, receive};
use crate::s3::bucket::upload_of;
use crate::s3::checksum::{Algorithm, Kind, set_sums};
use crate::s3::claims::claims_of;
use crate::s3::record::{Part, Upload};
use crate::s3::store::Store;

/// The highest part number.
const MOST_PARTS: i32 = 10_000;

/// The place that one of the protocol's inputs names for a part.
macro_rules! place {
    ($store:expr, $input:expr) => {
        crate::s3::api::uploads::Place::find(
            $store,
            &$input.bucket,
            &$input.key,
            &$input.upload_id,
            $input.part_number,
        )
    };
}

pub(super) use place;

pub fn create(
    store: &Store,
    request: S3Request<CreateMultipartUploadInput>,
) -> S3Result<CreateMultipartUploadOutput> {
    let input = request.input;
    let named = input.checksum_algorithm.as_ref();
    let upload = Upload {
        key: input.key.clone(),
        upload_id: String::new(),
        initiated_ms: 0,
        headers: headers!(input)?,
        checksum: Kind::of_upload(named, input.checksum_type.as_ref())?,
        parts: std::collections::BTreeMap::new(),
    };
    let upload = store.begin_upload(&input.bucket, upload)?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        checksum_algorithm: named.map(|_| upload.checksum.algorithm.to_wire()),
        checksum_type: named.map(|_| upload.checksum.to_wire()),
        key: Some(input.key),
        server_side_encryption: encryption(),
        upload_id: Some(upload.upload_id),
        ..Default::default()
    })
}

pub async fn part(
    store: &Store,
    mut request: S3Request<UploadPartInput>,
) -> S3Result<UploadPartOutput> {
    let body = request.input.body.take();
    let input = &request.input;
    let place = place!(store, input)?;
    let claims = claims_of!(request);
    let received = receive(&store.layout, &input.bucket, body, place.algorithm, &claims).await?;
    let answered = sum(&received, claims.algorithm.unwrap_or(place.algorithm));
    let part = place.fill(store, received)?;
    let mut output = UploadPartOutput {
        e_tag: Some(ETag::Strong(part.etag)),
        server_side_encryption: encryption(),
        ..Default::default()
    };
    set_sums!(output, answered);
    Ok(output)
}

/// Where a part belongs that is about to arrive.
pub struct Place<'a> {
    bucket: &'a str,
    key: &'a str,
    upload_id: &'a str,
    number: i32,
    /// The algorithm whose checksum the upload keeps of its parts.
    pub algorithm: Algorithm,
}

impl<'a> Place<'a> {
    /// The place of that number in an upload that is under way.
    ///
    /// # Errors
    /// `InvalidArgument` for a number outside S3's limits; `NoSuchUpload`.
    pub fn find(
        store: &Store,
        bucket: &'a str,
        key: &'a str,
        upload_id: &'a str,
        number: i32,
    ) -> S3Result<Self> {
        if !(1..=MOST_PARTS).contains(&number) {
            return Err(s3_error!(
                InvalidArgument,
                "Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
            ));
        }
        let kind = store.read(bucket, |bucket| {
            Ok(upload_of(bucket, key, upload_id)?.checksum)
        })?;
        Ok(Self {
            bucket,
            key,
            upload_id,
            number,
            algorithm: kind.algorithm,
        })
    }

    /// Adds what has arrived to the upload.
    ///
    /// # Errors
    /// `NoSuchUpload` when it was completed or aborted meanwhile.
    pub fn fill(&self, store: &Store, received: Received) -> S3Result<Part> {
        let part = Part {
            number: self.number,
            data: received.draft.name.clone(),
            size: received.size,
            modified_ms: store.clock.epoch_ms(),
            sum: sum(&received, self.algorithm),
            etag: received.md5,
        };
        store.add_part(self.bucket, self.key, self.upload_id, part.clone())?;
        received.draft.keep();
        Ok(part)
    }
}

pub fn abort(
    store: &Store,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<AbortMultipartUploadOutput> {
    let input = request.input;
    store.abort(&input.bucket, &input.key, &input.upload_id)?;
    Ok(AbortMultipartUploadOutput::default())
}
