//! The operations on whole objects.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::ops::Range;

use bytes::Bytes;
use md5::{Digest as _, Md5};
use s3s::dto::{
    ChecksumAlgorithm, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource,
    DeleteObjectInput, DeleteObjectOutput, ETag, ETagCondition, GetObjectInput, GetObjectOutput,
    HeadObjectInput, HeadObjectOutput, ListObjectsV2Input, ListObjectsV2Output, Metadata,
    MetadataDirective, Object, PutObjectInput, PutObjectOutput, Timestamp,
};
use s3s::{Body, S3Error, S3Request, S3Result, s3_error};

use super::body::receive;
use super::store::{Bucket, Store, Version, failed};

/// "User-defined object metadata" (S3 user guide): 2 KB of names and values, as UTF-8.
const LARGEST_METADATA: usize = 2 << 10;
/// "returns up to 1,000 key names" (ListObjectsV2).
const LARGEST_PAGE: usize = 1_000;

pub async fn put(store: &Store, request: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    let S3Request { input, headers, .. } = request;
    check_algorithm(input.checksum_algorithm.as_ref())?;
    let object = object(input.key, input.content_type, input.metadata)?;
    let (length, crc32) = (input.content_length, input.checksum_crc32);
    let received = receive(&headers, input.body, length, crc32).await?;
    let object = Version {
        etag: hex::encode(received.md5),
        ..object
    };
    let version = store.put(&input.bucket, object, &[received.bytes])?;
    Ok(PutObjectOutput {
        checksum_crc32: received.crc32,
        e_tag: etag(&version),
        version_id: Some(version.version_id),
        ..Default::default()
    })
}

pub fn get(store: &Store, input: &GetObjectInput) -> S3Result<GetObjectOutput> {
    let (version, file) = store.with(&input.bucket, |bucket| open(bucket, &input.key))?;
    let is_met = |condition: &ETagCondition| {
        condition.is_any() || condition.as_etag().map(ETag::value) == Some(&version.etag)
    };
    if !input.if_match.as_ref().is_none_or(is_met) {
        let message = "At least one of the pre-conditions you specified did not hold";
        return Err(s3_error!(PreconditionFailed, "{message}"));
    }
    let range = match &input.range {
        None => 0..version.size,
        Some(range) => range.check(version.size).map_err(S3Error::from)?,
    };
    // S3 answers a suffix range of an empty object as if there was no range:
    // https://github.com/apache/arrow-rs-object-store/issues/846.
    let content_range = (input.range.is_some() && version.size > 0).then(|| {
        let last = range.end.saturating_sub(1);
        format!("bytes {}-{last}/{}", range.start, version.size)
    });
    Ok(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        body: Some(Body::from(read(file, &range)?).into()),
        content_length: Some(length(range.end - range.start)),
        content_range,
        e_tag: etag(&version),
        last_modified: Some(modified(&version)),
        content_type: version.content_type,
        metadata: Some(version.metadata.into_iter().collect()),
        version_id: Some(version.version_id),
        ..Default::default()
    })
}

pub fn head(store: &Store, input: &HeadObjectInput) -> S3Result<HeadObjectOutput> {
    let version = store.with(&input.bucket, |bucket| bucket.find(&input.key).cloned())?;
    Ok(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(length(version.size)),
        e_tag: etag(&version),
        last_modified: Some(modified(&version)),
        content_type: version.content_type,
        metadata: Some(version.metadata.into_iter().collect()),
        version_id: Some(version.version_id),
        ..Default::default()
    })
}

pub fn delete(store: &Store, input: DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
    let marker = store.delete(&input.bucket, input.key)?;
    Ok(DeleteObjectOutput {
        delete_marker: Some(true),
        version_id: Some(marker.version_id),
        ..Default::default()
    })
}

/// Copies the source's bytes under new metadata.
pub fn copy(store: &Store, input: CopyObjectInput) -> S3Result<CopyObjectOutput> {
    let replaces = |directive: &MetadataDirective| directive.as_str() == MetadataDirective::REPLACE;
    if !input.metadata_directive.as_ref().is_some_and(replaces) {
        let message = "Copies here take new metadata: x-amz-metadata-directive must be REPLACE";
        return Err(s3_error!(NotImplemented, "{message}"));
    }
    let CopySource::Bucket {
        bucket,
        key,
        version_id: wanted,
    } = &input.copy_source
    else {
        return Err(s3_error!(NotImplemented, "Access points do not exist here"));
    };
    let (source, file) = store.with(bucket, |bucket| open(bucket, key))?;
    if wanted
        .as_ref()
        .is_some_and(|wanted| **wanted != source.version_id)
    {
        let message = "Only the newest version of an object is copied here";
        return Err(s3_error!(NotImplemented, "{message}"));
    }
    let bytes = read(file, &(0..source.size))?;
    let object = Version {
        etag: hex::encode(Md5::digest(&bytes)),
        ..object(input.key, input.content_type, input.metadata)?
    };
    let version = store.put(&input.bucket, object, &[bytes])?;
    Ok(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: etag(&version),
            last_modified: Some(modified(&version)),
            ..Default::default()
        }),
        copy_source_version_id: Some(source.version_id),
        version_id: Some(version.version_id),
        ..Default::default()
    })
}

/// An object's newest version, and the file with its bytes.
fn open(bucket: &Bucket, key: &str) -> S3Result<(Version, File)> {
    let version = bucket.find(key)?;
    let file = File::open(bucket.folder.data(&version.version_id)).map_err(failed)?;
    Ok((version.clone(), file))
}

fn read(mut file: File, range: &Range<u64>) -> S3Result<Bytes> {
    let wanted = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let mut bytes = vec![0; wanted];
    file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
    file.read_exact(&mut bytes).map_err(failed)?;
    Ok(bytes.into())
}

/// The first page: nothing asks for another.
pub fn list(store: &Store, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let prefix = input.prefix.unwrap_or_default();
    let mut contents = store.with(&input.bucket, |bucket| {
        let keys = bucket.keys.range(prefix.clone()..);
        let keys = keys.take_while(|(key, _)| key.starts_with(&prefix));
        let newest = keys.filter_map(|(key, _)| bucket.find(key).ok());
        let newest = newest.map(|version| Object {
            e_tag: etag(version),
            key: Some(version.key.clone()),
            last_modified: Some(modified(version)),
            size: Some(length(version.size)),
            ..Default::default()
        });
        Ok(newest.take(LARGEST_PAGE + 1).collect::<Vec<_>>())
    })?;
    let is_truncated = contents.len() > LARGEST_PAGE;
    contents.truncate(LARGEST_PAGE);
    Ok(ListObjectsV2Output {
        is_truncated: Some(is_truncated),
        key_count: i32::try_from(contents.len()).ok(),
        max_keys: i32::try_from(LARGEST_PAGE).ok(),
        contents: Some(contents),
        prefix: Some(prefix),
        name: Some(input.bucket),
        ..Default::default()
    })
}

/// Only the SDKs' default is computed here.
pub fn check_algorithm(algorithm: Option<&ChecksumAlgorithm>) -> S3Result<()> {
    match algorithm.map(ChecksumAlgorithm::as_str) {
        None | Some(ChecksumAlgorithm::CRC32) => Ok(()),
        Some(other) => Err(s3_error!(NotImplemented, "No {other} checksums here")),
    }
}

/// An object that is about to be written, with what is kept of the request's headers.
pub fn object(
    key: String,
    content_type: Option<String>,
    metadata: Option<Metadata>,
) -> S3Result<Version> {
    let metadata = metadata.unwrap_or_default();
    let size = |(name, value): (&String, &String)| name.len() + value.len();
    if metadata.iter().map(size).sum::<usize>() > LARGEST_METADATA {
        let message = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(s3_error!(MetadataTooLarge, "{message}"));
    }
    Ok(Version {
        key,
        content_type,
        metadata: metadata.into_iter().collect(),
        ..Version::default()
    })
}

#[expect(clippy::unnecessary_wraps, reason = "every answer has it as an option")]
pub fn etag(version: &Version) -> Option<ETag> {
    Some(ETag::Strong(version.etag.clone()))
}

fn modified(version: &Version) -> Timestamp {
    let since = std::time::Duration::from_millis(version.modified_ms);
    Timestamp::from(std::time::SystemTime::UNIX_EPOCH + since)
}

fn length(size: u64) -> i64 {
    i64::try_from(size).unwrap_or(i64::MAX)
}
