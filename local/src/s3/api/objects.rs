//! Listings of objects: ListObjectsV2 and ListObjects.

use s3s::dto::{
    ETag, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    ObjectStorageClass,
};
use s3s::{S3Request, S3Result};

use super::buckets::owner;
use crate::s3::bucket::{Bucket, current};
use crate::s3::encoding::Encoding;
use crate::s3::listing::{Last, Page, Query, from_token, page_size, token};
use crate::s3::record::{Content, Version, length, timestamp};
use crate::s3::store::Store;

pub fn list_v2(
    store: &Store,
    request: S3Request<ListObjectsV2Input>,
) -> S3Result<ListObjectsV2Output> {
    let input = request.input;
    let after = match &input.continuation_token {
        Some(token) => from_token(token)?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let asked = Asked {
        prefix: input.prefix.as_deref(),
        delimiter: input.delimiter.as_deref(),
        after: &after,
        max_keys: input.max_keys,
        encoding: Encoding::new(input.encoding_type.as_ref()),
        owner: input.fetch_owner.unwrap_or(false),
    };
    let (contents, prefixes, next) = store.read(&input.bucket, |bucket| asked.page(bucket))?;
    Ok(ListObjectsV2Output {
        key_count: i32::try_from(contents.len() + prefixes.len()).ok(),
        common_prefixes: Some(asked.encoding.prefixes(&prefixes)),
        contents: Some(contents),
        delimiter: asked.encoding.optional(input.delimiter.as_ref()),
        is_truncated: Some(next.is_some()),
        max_keys: Some(page_size(input.max_keys)?),
        next_continuation_token: next.as_deref().map(token),
        prefix: Some(
            asked
                .encoding
                .text(input.prefix.as_deref().unwrap_or_default()),
        ),
        start_after: asked.encoding.optional(input.start_after.as_ref()),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        name: Some(input.bucket),
        ..Default::default()
    })
}

pub fn list(store: &Store, request: S3Request<ListObjectsInput>) -> S3Result<ListObjectsOutput> {
    let input = request.input;
    let asked = Asked {
        prefix: input.prefix.as_deref(),
        delimiter: input.delimiter.as_deref(),
        after: input.marker.as_deref().unwrap_or_default(),
        max_keys: input.max_keys,
        encoding: Encoding::new(input.encoding_type.as_ref()),
        owner: true,
    };
    let (contents, prefixes, next) = store.read(&input.bucket, |bucket| asked.page(bucket))?;
    Ok(ListObjectsOutput {
        common_prefixes: Some(asked.encoding.prefixes(&prefixes)),
        contents: Some(contents),
        delimiter: asked.encoding.optional(input.delimiter.as_ref()),
        is_truncated: Some(next.is_some()),
        marker: Some(asked.encoding.text(asked.after)),
        max_keys: Some(page_size(input.max_keys)?),
        // Only with a delimiter, says the API reference; otherwise the last key serves.
        next_marker: asked
            .encoding
            .optional(next.as_ref().filter(|_| input.delimiter.is_some())),
        prefix: Some(
            asked
                .encoding
                .text(input.prefix.as_deref().unwrap_or_default()),
        ),
        encoding_type: input.encoding_type,
        name: Some(input.bucket),
        ..Default::default()
    })
}

/// What the two listings of objects have in common.
struct Asked<'a> {
    prefix: Option<&'a str>,
    delimiter: Option<&'a str>,
    after: &'a str,
    max_keys: Option<i32>,
    encoding: Encoding,
    owner: bool,
}

impl Asked<'_> {
    /// Objects, common prefixes, and what the page ended with if there is more.
    fn page(&self, bucket: &Bucket) -> S3Result<(Vec<Object>, Vec<String>, Option<String>)> {
        let query = Query::new(self.prefix, self.delimiter, self.after, self.max_keys)?;
        let keys = bucket
            .keys
            .range::<str, _>(query.start(false))
            .map(|(key, _)| key.as_str());
        let keys = keys.take_while(|key| key.starts_with(query.prefix));
        let page = Page::take(
            &query,
            keys.filter_map(|key| Some((key, current(bucket, key)?))),
        );
        let contents = page
            .entries
            .iter()
            .map(|(version, content)| self.object(version, content));
        let next = page.next.map(|last| match last {
            Last::Entry((version, _)) => version.key.clone(),
            Last::Prefix(prefix) => prefix,
        });
        Ok((contents.collect(), page.prefixes, next))
    }

    fn object(&self, version: &Version, content: &Content) -> Object {
        Object {
            checksum_algorithm: Some(vec![content.sum.kind.algorithm.to_wire()]),
            checksum_type: Some(content.sum.kind.to_wire()),
            e_tag: Some(ETag::Strong(content.etag.clone())),
            key: Some(self.encoding.text(&version.key)),
            last_modified: Some(timestamp(version.modified_ms)),
            owner: self.owner.then(owner),
            size: Some(length(content.size)),
            storage_class: Some(ObjectStorageClass::from_static(
                ObjectStorageClass::STANDARD,
            )),
            ..Default::default()
        }
    }
}
