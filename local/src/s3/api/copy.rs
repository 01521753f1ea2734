//! CopyObject and UploadPartCopy: a body that comes from here instead of the client.

use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopyPartResult, CopySource, ETag,
    MetadataDirective, Range, UploadPartCopyInput, UploadPartCopyOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use super::read::{find, unsatisfiable};
use super::uploads::place;
use super::write::{encryption, etag, headers, keep, version_id};
use crate::s3::body::{Received, receive, send};
use crate::s3::checksum::{Algorithm, set_sums};
use crate::s3::claims::Claims;
use crate::s3::conditions::{ReadCondition, WriteCondition};
use crate::s3::record::{Content, Version, timestamp};
use crate::s3::store::Store;

/// The conditions that a copy sets on its source.
macro_rules! source_condition {
    ($input:expr) => {
        ReadCondition {
            if_match: $input.copy_source_if_match.clone(),
            if_none_match: $input.copy_source_if_none_match.clone(),
            if_modified_since: $input.copy_source_if_modified_since.clone(),
            if_unmodified_since: $input.copy_source_if_unmodified_since.clone(),
        }
    };
}

pub async fn object(
    store: &Store,
    request: S3Request<CopyObjectInput>,
) -> S3Result<CopyObjectOutput> {
    let input = &request.input;
    store.read(&input.bucket, |_| Ok(()))?;
    let source = Source::find(store, &input.copy_source, &source_condition!(input))?;
    let replace = input
        .metadata_directive
        .as_ref()
        .map(MetadataDirective::as_str)
        == Some(MetadataDirective::REPLACE);
    if !replace && source.is(&input.bucket, &input.key) && source.is_newest {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
        ));
    }
    let headers = if replace {
        headers!(input)?
    } else {
        source.content.headers.clone()
    };
    let named = input
        .checksum_algorithm
        .as_ref()
        .and_then(|name| Algorithm::named(name.as_str()));
    let algorithm = named.unwrap_or(source.content.sum.kind.algorithm);
    let whole = 0..source.content.size;
    let received = source.copy(store, whole, &input.bucket, algorithm).await?;
    let (version, sum) = keep(
        store,
        &input.bucket,
        &input.key,
        received,
        headers,
        algorithm,
        &WriteCondition::default(),
    )?;
    let mut result = CopyObjectResult {
        checksum_type: Some(sum.kind.to_wire()),
        e_tag: etag(&version),
        last_modified: Some(timestamp(version.modified_ms)),
        ..Default::default()
    };
    set_sums!(result, sum);
    Ok(CopyObjectOutput {
        copy_object_result: Some(result),
        copy_source_version_id: version_id(store, &source.bucket, &source.version)?,
        server_side_encryption: encryption(),
        version_id: version_id(store, &input.bucket, &version)?,
        ..Default::default()
    })
}

pub async fn part(
    store: &Store,
    request: S3Request<UploadPartCopyInput>,
) -> S3Result<UploadPartCopyOutput> {
    let input = &request.input;
    let place = place!(store, input)?;
    let source = Source::find(store, &input.copy_source, &source_condition!(input))?;
    let range = match &input.copy_source_range {
        None => 0..source.content.size,
        Some(text) => match Range::parse(text) {
            // Unlike a GetObject's, a copy's range must lie within the source.
            Ok(Range::Int {
                first,
                last: Some(last),
            }) if last < source.content.size => first..last + 1,
            Ok(Range::Int { last: Some(_), .. }) => return Err(unsatisfiable(&source.content)),
            _ => {
                let message = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy";
                return Err(s3_error!(InvalidArgument, "{message}"));
            }
        },
    };
    let received = source
        .copy(store, range, &input.bucket, place.algorithm)
        .await?;
    let part = place.fill(store, received)?;
    let mut result = CopyPartResult {
        e_tag: Some(ETag::Strong(part.etag)),
        last_modified: Some(timestamp(part.modified_ms)),
        ..Default::default()
    };
    set_sums!(result, part.sum);
    Ok(UploadPartCopyOutput {
        copy_part_result: Some(result),
        copy_source_version_id: version_id(store, &source.bucket, &source.version)?,
        server_side_encryption: encryption(),
        ..Default::default()
    })
}

/// The version that is copied.
struct Source {
    bucket: String,
    version: Version,
    content: Content,
    is_newest: bool,
}

impl Source {
    fn find(store: &Store, source: &CopySource, condition: &ReadCondition) -> S3Result<Self> {
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = source
        else {
            return Err(s3_error!(NotImplemented, "Access points do not exist here"));
        };
        let (version, content) = find(store, bucket, key, version_id.as_deref())?;
        condition.check_source(&version, &content)?;
        let is_newest = version_id.is_none();
        Ok(Self {
            bucket: bucket.to_string(),
            version,
            content,
            is_newest,
        })
    }

    fn is(&self, bucket: &str, key: &str) -> bool {
        self.bucket == bucket && self.version.key == key
    }

    /// Copies these of its bytes to where `bucket` keeps its own.
    async fn copy(
        &self,
        store: &Store,
        bytes: std::ops::Range<u64>,
        bucket: &str,
        algorithm: Algorithm,
    ) -> S3Result<Received> {
        let file = store.layout.data(&self.bucket, &self.content.data);
        let body = Some(send(&file, bytes).await?);
        let nothing_claimed = Claims::default();
        receive(&store.layout, bucket, body, algorithm, &nothing_claimed).await
    }
}
