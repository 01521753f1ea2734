//! Multipart uploads: "Uploading and copying objects using multipart upload" (S3 user guide).

use std::collections::BTreeMap;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Error, S3Request, S3Result, s3_error};
use uuid::Uuid;

use super::body::{Received, receive};
use super::objects::{check_algorithm, etag, object};
use super::store::{Bucket, Store, Upload, Version};

/// The highest part number, and the smallest part but for the last one, in bytes ("Amazon S3
/// multipart upload limits").
const MOST_PARTS: i32 = 10_000;
const SMALLEST_PART: usize = 5 << 20;

pub fn create(
    store: &Store,
    input: CreateMultipartUploadInput,
) -> S3Result<CreateMultipartUploadOutput> {
    check_algorithm(input.checksum_algorithm.as_ref())?;
    if input.checksum_algorithm.is_none() {
        let message = "Uploads here have CRC32 checksums: x-amz-checksum-algorithm must be CRC32";
        return Err(s3_error!(NotImplemented, "{message}"));
    }
    let upload = Upload {
        object: object(input.key.clone(), input.content_type, input.metadata)?,
        parts: BTreeMap::new(),
    };
    let upload_id = Uuid::new_v4().simple().to_string();
    store.with(&input.bucket, |bucket| {
        let place = (input.key.clone(), upload_id.clone());
        bucket.uploads.insert(place, upload);
        Ok(())
    })?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        checksum_algorithm: input.checksum_algorithm,
        key: Some(input.key),
        upload_id: Some(upload_id),
        ..Default::default()
    })
}

pub async fn part(
    store: &Store,
    request: S3Request<UploadPartInput>,
) -> S3Result<UploadPartOutput> {
    let S3Request { input, headers, .. } = request;
    let number = input.part_number;
    if !(1..=MOST_PARTS).contains(&number) {
        return Err(s3_error!(
            InvalidArgument,
            "Part number must be an integer between 1 and {MOST_PARTS}, inclusive"
        ));
    }
    let place = (input.key, input.upload_id);
    store.with(&input.bucket, |bucket| upload(bucket, &place).map(drop))?;
    let (length, crc32) = (input.content_length, input.checksum_crc32);
    let part = receive(&headers, input.body, length, crc32).await?;
    if part.crc32.is_none() {
        // https://github.com/versity/versitygw/issues/1342 quotes S3.
        let message = "Checksum Type mismatch occurred, expected checksum Type: crc32, actual checksum Type: null";
        return Err(s3_error!(InvalidRequest, "{message}"));
    }
    let output = UploadPartOutput {
        checksum_crc32: part.crc32.clone(),
        e_tag: Some(ETag::Strong(hex::encode(part.md5))),
        ..Default::default()
    };
    store.with(&input.bucket, |bucket| {
        upload(bucket, &place)?.parts.insert(number, part);
        Ok(output)
    })
}

pub fn complete(
    store: &Store,
    input: CompleteMultipartUploadInput,
) -> S3Result<CompleteMultipartUploadOutput> {
    let place = (input.key.clone(), input.upload_id);
    let listed = input.multipart_upload.and_then(|upload| upload.parts);
    let (object, parts) = store.with(&input.bucket, |bucket| {
        let upload = upload(bucket, &place)?;
        let parts = chosen(upload, &listed.unwrap_or_default())?;
        let object = upload.object.clone();
        bucket.uploads.remove(&place);
        Ok((object, parts))
    })?;
    let mut md5 = Md5::new();
    for part in &parts {
        md5.update(part.md5);
    }
    let object = Version {
        etag: format!("{}-{}", hex::encode(md5.finalize()), parts.len()),
        ..object
    };
    let bytes: Vec<Bytes> = parts.into_iter().map(|part| part.bytes).collect();
    let version = store.put(&input.bucket, object, &bytes)?;
    Ok(CompleteMultipartUploadOutput {
        bucket: Some(input.bucket),
        e_tag: etag(&version),
        key: Some(input.key),
        version_id: Some(version.version_id),
        ..Default::default()
    })
}

pub fn abort(
    store: &Store,
    input: AbortMultipartUploadInput,
) -> S3Result<AbortMultipartUploadOutput> {
    let place = (input.key, input.upload_id);
    store.with(&input.bucket, |bucket| {
        let upload = bucket.uploads.remove(&place).ok_or_else(no_such_upload);
        upload.map(|_| AbortMultipartUploadOutput::default())
    })
}

/// The parts that the client lists, compared with those that are there.
fn chosen(upload: &Upload, listed: &[CompletedPart]) -> S3Result<Vec<Received>> {
    if listed.is_empty() {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        return Err(s3_error!(MalformedXML, "{message}"));
    }
    if !listed.is_sorted_by(|one, next| one.part_number < next.part_number) {
        return Err(s3_error!(
            InvalidPartOrder,
            "The list of parts was not in ascending order. The parts list must be specified in order by part number."
        ));
    }
    let mut parts = Vec::with_capacity(listed.len());
    for wanted in listed {
        let number = wanted.part_number.unwrap_or_default();
        let part = upload.parts.get(&number).ok_or_else(invalid_part)?;
        if wanted.checksum_crc32.is_none() {
            // https://github.com/apache/opendal/pull/4580 quotes S3.
            return Err(s3_error!(
                InvalidRequest,
                "The upload was created using a crc32 checksum. The complete request must include the checksum for each part. It was missing for part {number} in the request."
            ));
        }
        let etag = wanted.e_tag.as_ref().map(ETag::value);
        if etag != Some(hex::encode(part.md5).as_str()) || wanted.checksum_crc32 != part.crc32 {
            return Err(invalid_part());
        }
        parts.push(part.clone());
    }
    let all_but_last = &parts[..parts.len() - 1];
    if all_but_last
        .iter()
        .any(|part| part.bytes.len() < SMALLEST_PART)
    {
        let message = "Your proposed upload is smaller than the minimum allowed size";
        return Err(s3_error!(EntityTooSmall, "{message}"));
    }
    Ok(parts)
}

fn invalid_part() -> S3Error {
    s3_error!(
        InvalidPart,
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
    )
}

fn upload<'a>(bucket: &'a mut Bucket, place: &(String, String)) -> S3Result<&'a mut Upload> {
    bucket.uploads.get_mut(place).ok_or_else(no_such_upload)
}

fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}
