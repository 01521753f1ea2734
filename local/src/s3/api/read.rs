//! GetObject and HeadObject: which version, which of its bytes, under which conditions.

use std::ops;

use hyper::header::HeaderValue;
use hyper::{HeaderMap, StatusCode};
use s3s::dto::{GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, Range};
use s3s::{S3Error, S3ErrorCode, S3Request, S3Result, s3_error};

use super::write::{encryption, etag, version_id};
use crate::s3::body::send;
use crate::s3::checksum::set_sums;
use crate::s3::conditions::{ReadCondition, no_such_key};
use crate::s3::record::{Content, Version, length, timestamp};
use crate::s3::store::Store;

/// The type of an object that was stored without one.
const UNKNOWN_TYPE: &str = "binary/octet-stream";

/// Fills the fields that GetObject and HeadObject share.
macro_rules! answer {
    ($output:ident, $store:expr, $input:expr) => {{
        let input = &$input;
        let (version, content) = find(
            $store,
            &input.bucket,
            &input.key,
            input.version_id.as_deref(),
        )?;
        let condition = ReadCondition {
            if_match: input.if_match.clone(),
            if_none_match: input.if_none_match.clone(),
            if_modified_since: input.if_modified_since.clone(),
            if_unmodified_since: input.if_unmodified_since.clone(),
        };
        condition.check(&version, &content)?;
        let range = range(&content, input.range.as_ref(), input.part_number)?;
        let whole = range == (0..content.size);
        let parts = input
            .part_number
            .and_then(|_| i32::try_from(content.part_sizes.len()).ok());
        let partial = input.range.is_some() || (input.part_number.is_some() && parts != Some(0));
        let headers = content.headers.clone();
        let mut output = $output {
            accept_ranges: Some("bytes".to_owned()),
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_encoding: headers.content_encoding,
            content_language: headers.content_language,
            content_length: Some(length(range.end - range.start)),
            content_range: partial.then(|| {
                format!(
                    "bytes {}-{}/{}",
                    range.start,
                    range.end.saturating_sub(1),
                    content.size
                )
            }),
            content_type: Some(
                headers
                    .content_type
                    .unwrap_or_else(|| UNKNOWN_TYPE.to_owned()),
            ),
            e_tag: etag(&version),
            expires: headers.expires,
            last_modified: Some(timestamp(version.modified_ms)),
            metadata: Some(headers.metadata.into_iter().collect()),
            parts_count: parts.filter(|parts| *parts > 0),
            server_side_encryption: encryption(),
            version_id: version_id($store, &input.bucket, &version)?,
            ..Default::default()
        };
        if input.checksum_mode.is_some() && whole {
            set_sums!(output, content.sum);
            output.checksum_type = Some(content.sum.kind.to_wire());
        }
        (output, content, range)
    }};
}

pub async fn get(store: &Store, request: S3Request<GetObjectInput>) -> S3Result<GetObjectOutput> {
    let mut tries = 3;
    loop {
        let (mut output, content, range) = answer!(GetObjectOutput, store, request.input);
        let file = store.layout.data(&request.input.bucket, &content.data);
        tries -= 1;
        match send(&file, range).await {
            // Overwritten since it was found: the next look finds the new version.
            Err(_) if tries > 0 => {}
            body => {
                output.body = Some(body?);
                return Ok(output);
            }
        }
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "all operations have one shape"
)]
pub fn head(store: &Store, request: S3Request<HeadObjectInput>) -> S3Result<HeadObjectOutput> {
    let (output, ..) = answer!(HeadObjectOutput, store, request.input);
    Ok(output)
}

/// The version that a request means: the one it names, or the newest.
///
/// # Errors
/// `NoSuchKey` or `NoSuchVersion`; for a delete marker `NoSuchKey` when it is the newest version,
/// and `MethodNotAllowed` when it was named, both with the headers that say so.
pub fn find(
    store: &Store,
    bucket: &str,
    key: &str,
    version_id: Option<&str>,
) -> S3Result<(Version, Content)> {
    let version = store.read(bucket, |bucket| {
        let versions = bucket.keys.get(key).map(Vec::as_slice).unwrap_or_default();
        let found = match version_id {
            None => versions.first().ok_or_else(no_such_key),
            Some(id) => versions
                .iter()
                .find(|version| version.version_id == id)
                .ok_or_else(|| s3_error!(NoSuchVersion, "The specified version does not exist.")),
        };
        found.cloned()
    })?;
    match version.content.clone() {
        Some(content) => Ok((version, content)),
        None if version_id.is_none() => Err(marked(no_such_key(), &version)),
        None => {
            let message = "The specified method is not allowed against this resource.";
            Err(marked(s3_error!(MethodNotAllowed, "{message}"), &version))
        }
    }
}

fn marked(mut error: S3Error, marker: &Version) -> S3Error {
    let mut headers = HeaderMap::new();
    headers.insert("x-amz-delete-marker", HeaderValue::from_static("true"));
    if let Ok(id) = HeaderValue::try_from(&marker.version_id) {
        headers.insert("x-amz-version-id", id);
    }
    error.set_headers(headers);
    error
}

/// The bytes that a request means.
///
/// # Errors
/// `InvalidRange` and `InvalidPartNumber`, both 416.
fn range(content: &Content, range: Option<&Range>, part: Option<i32>) -> S3Result<ops::Range<u64>> {
    match (range, part) {
        (Some(_), Some(_)) => Err(s3_error!(
            InvalidRequest,
            "Cannot specify both Range header and partNumber query parameter"
        )),
        (Some(range), None) => range
            .check(content.size)
            .map_err(|_| unsatisfiable(content)),
        (None, None | Some(1)) if content.part_sizes.is_empty() => Ok(0..content.size),
        (None, None) => Ok(0..content.size),
        (None, Some(number)) => {
            let at = usize::try_from(number - 1).ok();
            let size = at.and_then(|at| content.part_sizes.get(at));
            let (Some(at), Some(size)) = (at, size) else {
                let code = S3ErrorCode::Custom("InvalidPartNumber".into());
                let mut error =
                    S3Error::with_message(code, "The requested partnumber is not satisfiable");
                error.set_status_code(StatusCode::RANGE_NOT_SATISFIABLE);
                return Err(error);
            };
            let start = content.part_sizes[..at].iter().sum();
            Ok(start..start + size)
        }
    }
}

/// The error for a range that lies outside the object.
pub fn unsatisfiable(content: &Content) -> S3Error {
    let mut error = s3_error!(InvalidRange, "The requested range is not satisfiable");
    let size = HeaderValue::try_from(format!("bytes */{}", content.size));
    error.set_headers(HeaderMap::from_iter(
        size.ok().map(|size| (hyper::header::CONTENT_RANGE, size)),
    ));
    error
}
