//! Multipart uploads: "Uploading and copying objects using multipart upload" of the S3 user guide.

use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use super::write::{encryption, headers, sum};
use crate::s3::body::{Claims, Received, receive};
use crate::s3::bucket::upload_of;
use crate::s3::checksum::{Algorithm, Kind, set_sums, sums_of};
use crate::s3::record::{Part, Upload};
use crate::s3::store::Store;

/// The highest part number.
const MOST_PARTS: i32 = 10_000;

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
    let number = checked_number(input.part_number)?;
    let algorithm = kind_of(store, &input.bucket, &input.key, &input.upload_id)?.algorithm;
    let mut claims = Claims::new(
        sums_of!(input),
        input.checksum_algorithm.as_ref(),
        &request.headers,
        &request.extensions,
    );
    claims.md5.clone_from(&input.content_md5);
    claims.length = input.content_length;
    let received = receive(&store.layout, &input.bucket, body, algorithm, &claims).await?;
    let answered = sum(&received, claims.algorithm.unwrap_or(algorithm));
    let part = keep_part(
        store,
        &input.bucket,
        &input.key,
        &input.upload_id,
        number,
        received,
        algorithm,
    )?;
    let mut output = UploadPartOutput {
        e_tag: Some(ETag::Strong(part.etag)),
        server_side_encryption: encryption(),
        ..Default::default()
    };
    set_sums!(output, answered);
    Ok(output)
}

/// A part number within S3's limits.
///
/// # Errors
/// `InvalidArgument`.
pub fn checked_number(number: i32) -> S3Result<i32> {
    if (1..=MOST_PARTS).contains(&number) {
        return Ok(number);
    }
    Err(s3_error!(
        InvalidArgument,
        "Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
    ))
}

/// The checksum that an upload keeps of its parts.
///
/// # Errors
/// `NoSuchUpload`.
pub fn kind_of(store: &Store, bucket: &str, key: &str, upload_id: &str) -> S3Result<Kind> {
    store.read(bucket, |bucket| {
        Ok(upload_of(bucket, key, upload_id)?.checksum)
    })
}

/// Adds what has arrived to an upload.
pub fn keep_part(
    store: &Store,
    bucket: &str,
    key: &str,
    upload_id: &str,
    number: i32,
    received: Received,
    algorithm: Algorithm,
) -> S3Result<Part> {
    let part = Part {
        number,
        data: received.draft.name.clone(),
        size: received.size,
        modified_ms: store.clock.epoch_ms(),
        sum: sum(&received, algorithm),
        etag: received.md5,
    };
    store.add_part(bucket, key, upload_id, part.clone())?;
    received.draft.keep();
    Ok(part)
}

pub fn abort(
    store: &Store,
    request: S3Request<AbortMultipartUploadInput>,
) -> S3Result<AbortMultipartUploadOutput> {
    let input = request.input;
    store.abort(&input.bucket, &input.key, &input.upload_id)?;
    Ok(AbortMultipartUploadOutput::default())
}
