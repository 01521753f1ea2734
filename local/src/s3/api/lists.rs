//! Listings of objects, versions, unfinished uploads and their parts.

use std::ops::Bound;

use s3s::dto::*;
use s3s::{S3Request, S3Result};

use super::buckets::owner;
use crate::s3::checksum::set_sums;
use crate::s3::listing::{Encoding, Last, Page, Query, from_token, page_size, token};
use crate::s3::record::{Content, Upload, Version, length, timestamp};
use crate::s3::store::{Bucket, Store, current, upload_of};

pub async fn objects_v2(
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
        common_prefixes: asked.encoding.prefixes(&prefixes),
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

pub async fn objects(
    store: &Store,
    request: S3Request<ListObjectsInput>,
) -> S3Result<ListObjectsOutput> {
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
        common_prefixes: asked.encoding.prefixes(&prefixes),
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
        let query = query(self.prefix, self.delimiter, self.after, self.max_keys)?;
        let start = start(query.prefix, self.after, false);
        let keys = bucket
            .keys
            .range::<str, _>((start, Bound::Unbounded))
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

fn query<'a>(
    prefix: Option<&'a str>,
    delimiter: Option<&'a str>,
    after: &'a str,
    max: Option<i32>,
) -> S3Result<Query<'a>> {
    let size = usize::try_from(page_size(max)?).unwrap_or_default();
    Ok(Query {
        prefix: prefix.unwrap_or_default(),
        delimiter,
        after,
        size,
    })
}

/// The first key that a page can hold.
fn start<'a>(prefix: &'a str, after: &'a str, inclusive: bool) -> Bound<&'a str> {
    if prefix > after || after.is_empty() {
        Bound::Included(prefix)
    } else if inclusive {
        Bound::Included(after)
    } else {
        Bound::Excluded(after)
    }
}

pub async fn versions(
    store: &Store,
    request: S3Request<ListObjectVersionsInput>,
) -> S3Result<ListObjectVersionsOutput> {
    let input = request.input;
    let encoding = Encoding::new(input.encoding_type.as_ref());
    let after = input.key_marker.as_deref().unwrap_or_default();
    let query = query(
        input.prefix.as_deref(),
        input.delimiter.as_deref(),
        after,
        input.max_keys,
    )?;
    let mut output = store.read(&input.bucket, |bucket| {
        let within = input.version_id_marker.is_some();
        let keys = bucket
            .keys
            .range::<str, _>((start(query.prefix, after, within), Bound::Unbounded));
        let keys = keys.take_while(|(key, _)| key.starts_with(query.prefix));
        let entries = keys.flat_map(|(key, versions)| {
            // A marker whose version is gone: what is left of its key was not listed yet.
            let listed = versions.iter().position(|version| {
                key == after && Some(&version.version_id) == input.version_id_marker.as_ref()
            });
            let entries = versions
                .iter()
                .enumerate()
                .skip(listed.map_or(0, |at| at + 1));
            entries.map(move |(at, version)| (key.as_str(), (version, at == 0)))
        });
        let page = Page::take(&query, entries);
        let (mut versions, mut delete_markers) = (Vec::new(), Vec::new());
        for &(version, is_latest) in &page.entries {
            match &version.content {
                Some(content) => {
                    versions.push(listed_version(version, content, is_latest, encoding))
                }
                None => delete_markers.push(DeleteMarkerEntry {
                    is_latest: Some(is_latest),
                    key: Some(encoding.text(&version.key)),
                    last_modified: Some(timestamp(version.modified_ms)),
                    owner: Some(owner()),
                    version_id: Some(version.version_id.clone()),
                }),
            }
        }
        let (next_key, next_version) = match &page.next {
            None => (None, None),
            Some(Last::Entry((version, _))) => {
                (Some(version.key.clone()), Some(version.version_id.clone()))
            }
            Some(Last::Prefix(prefix)) => (Some(prefix.clone()), None),
        };
        Ok(ListObjectVersionsOutput {
            common_prefixes: encoding.prefixes(&page.prefixes),
            delete_markers: Some(delete_markers),
            is_truncated: Some(page.next.is_some()),
            next_key_marker: encoding.optional(next_key.as_ref()),
            next_version_id_marker: next_version,
            versions: Some(versions),
            ..Default::default()
        })
    })?;
    output.delimiter = encoding.optional(input.delimiter.as_ref());
    output.key_marker = Some(encoding.text(after));
    output.max_keys = Some(page_size(input.max_keys)?);
    output.prefix = Some(encoding.text(query.prefix));
    output.version_id_marker = Some(input.version_id_marker.unwrap_or_default());
    output.encoding_type = input.encoding_type;
    output.name = Some(input.bucket);
    Ok(output)
}

fn listed_version(
    version: &Version,
    content: &Content,
    is_latest: bool,
    encoding: Encoding,
) -> ObjectVersion {
    ObjectVersion {
        checksum_algorithm: Some(vec![content.sum.kind.algorithm.to_wire()]),
        checksum_type: Some(content.sum.kind.to_wire()),
        e_tag: Some(ETag::Strong(content.etag.clone())),
        is_latest: Some(is_latest),
        key: Some(encoding.text(&version.key)),
        last_modified: Some(timestamp(version.modified_ms)),
        owner: Some(owner()),
        size: Some(length(content.size)),
        storage_class: Some(ObjectVersionStorageClass::from_static(
            ObjectVersionStorageClass::STANDARD,
        )),
        version_id: Some(version.version_id.clone()),
        ..Default::default()
    }
}

pub async fn uploads(
    store: &Store,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<ListMultipartUploadsOutput> {
    let input = request.input;
    let encoding = Encoding::new(input.encoding_type.as_ref());
    let after = input.key_marker.as_deref().unwrap_or_default();
    let query = query(
        input.prefix.as_deref(),
        input.delimiter.as_deref(),
        after,
        input.max_uploads,
    )?;
    let mut output = store.read(&input.bucket, |bucket| {
        let is_later = |upload: &Upload| match &input.upload_id_marker {
            Some(id) if upload.key == after => upload.upload_id > *id,
            _ => upload.key.as_str() > after,
        };
        let entries = bucket.uploads.values().filter(|upload| is_later(upload));
        let page = Page::take(&query, entries.map(|upload| (upload.key.as_str(), upload)));
        let uploads = page.entries.iter().map(|upload| MultipartUpload {
            checksum_algorithm: Some(upload.checksum.algorithm.to_wire()),
            checksum_type: Some(upload.checksum.to_wire()),
            initiated: Some(timestamp(upload.initiated_ms)),
            key: Some(encoding.text(&upload.key)),
            owner: Some(owner()),
            storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
            upload_id: Some(upload.upload_id.clone()),
            ..Default::default()
        });
        let (next_key, next_upload) = match &page.next {
            None => (None, None),
            Some(Last::Entry(upload)) => (Some(upload.key.clone()), Some(upload.upload_id.clone())),
            Some(Last::Prefix(prefix)) => (Some(prefix.clone()), None),
        };
        Ok(ListMultipartUploadsOutput {
            common_prefixes: encoding.prefixes(&page.prefixes),
            is_truncated: Some(page.next.is_some()),
            next_key_marker: encoding.optional(next_key.as_ref()),
            next_upload_id_marker: next_upload,
            uploads: Some(uploads.collect()),
            ..Default::default()
        })
    })?;
    output.delimiter = encoding.optional(input.delimiter.as_ref());
    output.key_marker = Some(encoding.text(after));
    output.max_uploads = Some(page_size(input.max_uploads)?);
    output.prefix = Some(encoding.text(query.prefix));
    output.upload_id_marker = Some(input.upload_id_marker.unwrap_or_default());
    output.encoding_type = input.encoding_type;
    output.bucket = Some(input.bucket);
    Ok(output)
}

pub async fn parts(store: &Store, request: S3Request<ListPartsInput>) -> S3Result<ListPartsOutput> {
    let input = request.input;
    let marker = input.part_number_marker.unwrap_or_default();
    let size = page_size(input.max_parts)?;
    let upload = store.read(&input.bucket, |bucket| {
        upload_of(bucket, &input.key, &input.upload_id).cloned()
    })?;
    let mut later = upload
        .parts
        .range((Bound::Excluded(marker), Bound::Unbounded));
    let listed = later
        .by_ref()
        .take(usize::try_from(size).unwrap_or_default())
        .map(|(number, part)| {
            let mut listed = Part {
                e_tag: Some(ETag::Strong(part.etag.clone())),
                last_modified: Some(timestamp(part.modified_ms)),
                part_number: Some(*number),
                size: Some(length(part.size)),
                ..Default::default()
            };
            set_sums!(listed, part.sum);
            listed
        });
    let listed: Vec<Part> = listed.collect();
    Ok(ListPartsOutput {
        checksum_algorithm: Some(upload.checksum.algorithm.to_wire()),
        checksum_type: Some(upload.checksum.to_wire()),
        is_truncated: Some(size > 0 && later.next().is_some()),
        max_parts: Some(size),
        next_part_number_marker: listed
            .last()
            .and_then(|part| part.part_number)
            .or(Some(marker)),
        owner: Some(owner()),
        part_number_marker: Some(marker),
        parts: Some(listed),
        storage_class: Some(StorageClass::from_static(StorageClass::STANDARD)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        ..Default::default()
    })
}
