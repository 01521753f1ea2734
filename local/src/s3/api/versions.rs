//! ListObjectVersions.

use s3s::dto::{
    DeleteMarkerEntry, ETag, ListObjectVersionsInput, ListObjectVersionsOutput, ObjectVersion,
    ObjectVersionStorageClass,
};
use s3s::{S3Request, S3Result};

use super::buckets::owner;
use crate::s3::encoding::Encoding;
use crate::s3::listing::{Page, query_of, repeat_query};
use crate::s3::record::{Content, Version, length, timestamp};
use crate::s3::store::Store;

pub fn list(
    store: &Store,
    request: S3Request<ListObjectVersionsInput>,
) -> S3Result<ListObjectVersionsOutput> {
    let input = request.input;
    let encoding = Encoding::new(input.encoding_type.as_ref());
    let query = query_of!(input, max_keys)?;
    let mut output = store.read(&input.bucket, |bucket| {
        let within = input.version_id_marker.is_some();
        let keys = bucket.keys.range::<str, _>(query.start(within));
        let keys = keys.take_while(|(key, _)| key.starts_with(query.prefix));
        let entries = keys.flat_map(|(key, versions)| {
            // A marker whose version is gone: what is left of its key was not listed yet.
            let listed = versions.iter().position(|version| {
                key == query.after && Some(&version.version_id) == input.version_id_marker.as_ref()
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
                    versions.push(listed_version(version, content, is_latest, encoding));
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
        let (next_key, next_version) =
            page.markers(|(version, _)| (&version.key, &version.version_id));
        Ok(ListObjectVersionsOutput {
            common_prefixes: Some(encoding.prefixes(&page.prefixes)),
            delete_markers: Some(delete_markers),
            is_truncated: Some(page.next.is_some()),
            next_key_marker: encoding.optional(next_key.as_ref()),
            next_version_id_marker: next_version,
            versions: Some(versions),
            ..Default::default()
        })
    })?;
    repeat_query!(output, input, query, encoding, max_keys);
    output.version_id_marker = Some(input.version_id_marker.unwrap_or_default());
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
