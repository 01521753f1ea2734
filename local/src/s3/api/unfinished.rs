//! ListMultipartUploads and ListParts: what is under way.

use std::ops::Bound;

use s3s::dto::{
    ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput,
    MultipartUpload, Part, StorageClass,
};
use s3s::{S3Request, S3Result};

use super::buckets::owner;
use crate::s3::bucket::upload_of;
use crate::s3::checksum::set_sums;
use crate::s3::encoding::Encoding;
use crate::s3::listing::{Page, page_size, query_of, repeat_query};
use crate::s3::record::{Upload, length, timestamp};
use crate::s3::store::Store;

pub fn uploads(
    store: &Store,
    request: S3Request<ListMultipartUploadsInput>,
) -> S3Result<ListMultipartUploadsOutput> {
    let input = request.input;
    let encoding = Encoding::new(input.encoding_type.as_ref());
    let query = query_of!(input, max_uploads)?;
    let mut output = store.read(&input.bucket, |bucket| {
        let is_later = |upload: &Upload| match &input.upload_id_marker {
            Some(id) if upload.key == query.after => upload.upload_id > *id,
            _ => upload.key.as_str() > query.after,
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
        let (next_key, next_upload) = page.markers(|upload| (&upload.key, &upload.upload_id));
        Ok(ListMultipartUploadsOutput {
            common_prefixes: Some(encoding.prefixes(&page.prefixes)),
            is_truncated: Some(page.next.is_some()),
            next_key_marker: encoding.optional(next_key.as_ref()),
            next_upload_id_marker: next_upload,
            uploads: Some(uploads.collect()),
            ..Default::default()
        })
    })?;
    repeat_query!(output, input, query, encoding, max_uploads);
    output.upload_id_marker = Some(input.upload_id_marker.unwrap_or_default());
    output.bucket = Some(input.bucket);
    Ok(output)
}

pub fn parts(store: &Store, request: S3Request<ListPartsInput>) -> S3Result<ListPartsOutput> {
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
