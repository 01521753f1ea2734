//! PutObject, and what a write of an object says and answers.

use std::collections::BTreeMap;

use s3s::dto::{ETag, Metadata, PutObjectInput, PutObjectOutput, ServerSideEncryption};
use s3s::{S3Request, S3Result, s3_error};

use crate::s3::body::{Received, receive};
use crate::s3::checksum::{Algorithm, Kind, Sum, set_sums};
use crate::s3::claims::claims_of;
use crate::s3::conditions::WriteCondition;
use crate::s3::record::{Content, Headers, NULL, Version, Versioning};
use crate::s3::store::Store;

/// "User-defined object metadata" of the S3 user guide: 2 KB of names and values, as UTF-8.
const LARGEST_METADATA: usize = 2 << 10;

pub async fn put(
    store: &Store,
    mut request: S3Request<PutObjectInput>,
) -> S3Result<PutObjectOutput> {
    let body = request.input.body.take();
    let input = &request.input;
    store.read(&input.bucket, |_| Ok(()))?;
    let condition = WriteCondition::new(input.if_match.clone(), input.if_none_match.as_ref())?;
    let headers = headers!(input)?;
    let claims = claims_of!(request);
    let algorithm = claims.algorithm.unwrap_or(Algorithm::Crc64Nvme);
    let received = receive(&store.layout, &input.bucket, body, algorithm, &claims).await?;
    let (version, sum) = keep(
        store,
        &input.bucket,
        &input.key,
        received,
        headers,
        algorithm,
        &condition,
    )?;
    let mut output = PutObjectOutput {
        checksum_type: Some(sum.kind.to_wire()),
        e_tag: etag(&version),
        server_side_encryption: encryption(),
        version_id: version_id(store, &input.bucket, &version)?,
        ..Default::default()
    };
    set_sums!(output, sum);
    Ok(output)
}

/// Makes what has arrived the newest version of an object.
pub fn keep(
    store: &Store,
    bucket: &str,
    key: &str,
    received: Received,
    headers: Headers,
    algorithm: Algorithm,
    condition: &WriteCondition,
) -> S3Result<(Version, Sum)> {
    let sum = sum(&received, algorithm);
    let content = Content {
        data: received.draft.name.clone(),
        size: received.size,
        etag: received.md5,
        headers,
        sum: sum.clone(),
        part_sizes: Vec::new(),
    };
    let version = store.put(bucket, key, content, condition)?;
    received.draft.keep();
    Ok((version, sum))
}

/// The checksum to keep of what has arrived.
pub fn sum(received: &Received, algorithm: Algorithm) -> Sum {
    let value = algorithm.of(&received.sums).unwrap_or_default().to_owned();
    Sum {
        kind: Kind::whole(algorithm),
        value,
    }
}

/// User metadata within S3's limit.
///
/// # Errors
/// `MetadataTooLarge`.
pub fn checked(metadata: Option<Metadata>) -> S3Result<BTreeMap<String, String>> {
    let metadata: BTreeMap<_, _> = metadata.unwrap_or_default().into_iter().collect();
    let size: usize = metadata
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if size > LARGEST_METADATA {
        let message = "Your metadata headers exceed the maximum allowed metadata size";
        return Err(s3_error!(MetadataTooLarge, "{message}"));
    }
    Ok(metadata)
}

/// The version id that an answer names: none where the bucket never kept versions.
pub fn version_id(store: &Store, bucket: &str, version: &Version) -> S3Result<Option<String>> {
    let versioning = store.read(bucket, |bucket| Ok(bucket.record.versioning))?;
    let named = versioning != Versioning::Never || version.version_id != NULL;
    Ok(named.then(|| version.version_id.clone()))
}

/// The version's entity tag.
pub fn etag(version: &Version) -> Option<ETag> {
    version
        .content
        .as_ref()
        .map(|content| ETag::Strong(content.etag.clone()))
}

/// S3 encrypts everything; this one only says so, as clients may look.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the protocol's fields are optional"
)]
pub fn encryption() -> Option<ServerSideEncryption> {
    Some(ServerSideEncryption::from_static(
        ServerSideEncryption::AES256,
    ))
}

/// The stored headers of one of the protocol's inputs.
macro_rules! headers {
    ($input:expr) => {
        crate::s3::api::write::checked($input.metadata.clone()).map(|metadata| {
            crate::s3::record::Headers {
                cache_control: $input.cache_control.clone(),
                content_disposition: $input.content_disposition.clone(),
                content_encoding: $input.content_encoding.clone(),
                content_language: $input.content_language.clone(),
                content_type: $input.content_type.clone(),
                expires: $input.expires.clone(),
                metadata,
            }
        })
    };
}

pub(super) use headers;
