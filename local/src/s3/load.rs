//! Reading a bucket back from disk, when the local S3 starts.

use std::collections::{BTreeMap, HashSet};
use std::io;

use super::bucket::{Bucket, current};
use super::layout::{Layout, folder, name, read};
use super::record::{Part, Upload, Version};
use super::view;

/// Reads one bucket, and puts right what a kill may have left: the view, and data of no record.
pub fn bucket(layout: &Layout, bucket: &str) -> io::Result<Bucket> {
    let record = read(&layout.settings(bucket))?;
    let mut keys: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    for records in folder(&layout.bucket(bucket).join("keys"))? {
        let mut versions = Vec::new();
        for record in folder(&records)? {
            versions.push(read::<Version>(&record)?);
        }
        versions.sort_by_key(|version| std::cmp::Reverse(version.sequence));
        if let Some(newest) = versions.first() {
            keys.insert(newest.key.clone(), versions);
        }
    }
    let mut uploads = BTreeMap::new();
    for records in folder(&layout.bucket(bucket).join("uploads"))? {
        // A kill while it was removed: the upload had ended.
        if !records.join("upload.json").exists() {
            continue;
        }
        let mut upload: Upload = read(&records.join("upload.json"))?;
        for record in folder(&records)? {
            if name(&record) != "upload.json" {
                let part: Part = read(&record)?;
                upload.parts.insert(part.number, part);
            }
        }
        uploads.insert((upload.key.clone(), upload.upload_id.clone()), upload);
    }
    let bucket_read = Bucket {
        record,
        keys,
        uploads,
    };
    restore(layout, bucket, &bucket_read)?;
    Ok(bucket_read)
}

fn restore(layout: &Layout, name: &str, bucket: &Bucket) -> io::Result<()> {
    std::fs::create_dir_all(layout.root().join(name))?;
    for key in bucket.keys.keys() {
        match current(bucket, key) {
            Some((_, content)) => view::show(layout, name, key, &layout.data(name, &content.data))?,
            None => view::hide(layout, name, key)?,
        }
    }
    let contents = bucket
        .keys
        .values()
        .flatten()
        .filter_map(|version| version.content.as_ref());
    let parts = bucket
        .uploads
        .values()
        .flat_map(|upload| upload.parts.values());
    let named: HashSet<&str> = contents
        .map(|content| content.data.as_str())
        .chain(parts.map(|part| part.data.as_str()))
        .collect();
    layout.sweep(name, |data| named.contains(data))
}
