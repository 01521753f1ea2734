use super::*;

use aws_sdk_s3::types::EncodingType;

#[tokio::test]
async fn objects_are_listed_in_byte_order_over_pages() {
    let served = Served::new(true).await;
    let keys = ["a", "a/b", "a0", "z", "é", "😀"];
    for key in keys.iter().rev() {
        served.put(key, "x").await;
    }
    served.put("deleted", "x").await;
    served
        .client
        .delete_object()
        .bucket(BUCKET)
        .key("deleted")
        .send()
        .await
        .unwrap();
    let mut pages = served
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .max_keys(4)
        .into_paginator()
        .send();
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        assert_eq!(page.key_count(), i32::try_from(page.contents().len()).ok());
        listed.extend(
            page.contents
                .unwrap_or_default()
                .into_iter()
                .filter_map(|object| object.key),
        );
    }
    assert_eq!(listed, keys);
    let list = || served.client.list_objects_v2().bucket(BUCKET);
    let page = list().prefix("a").delimiter("/").send().await.unwrap();
    assert_eq!(
        page.contents()
            .iter()
            .filter_map(|object| object.key())
            .collect::<Vec<_>>(),
        ["a", "a0"]
    );
    assert_eq!(page.common_prefixes()[0].prefix(), Some("a/"));
    assert_eq!(
        (page.key_count(), page.is_truncated()),
        (Some(3), Some(false))
    );
    let page = list().start_after("a0").max_keys(0).send().await.unwrap();
    assert_eq!(
        (page.key_count(), page.is_truncated()),
        (Some(0), Some(false))
    );
    let page = list().start_after("a0").send().await.unwrap();
    assert_eq!(page.contents()[0].key(), Some("z"));
    assert_eq!(
        code(&list().continuation_token("%").send().await.unwrap_err()),
        "InvalidArgument"
    );
    let page = list()
        .prefix("é")
        .encoding_type(EncodingType::Url)
        .send()
        .await
        .unwrap();
    assert_eq!(page.contents()[0].key(), Some("%C3%A9"));
    let page = served
        .client
        .list_objects()
        .bucket(BUCKET)
        .delimiter("/")
        .max_keys(2)
        .send()
        .await
        .unwrap();
    assert_eq!(page.next_marker(), Some("a/"));
}

#[tokio::test]
async fn a_thousand_objects_are_a_page() {
    let served = Served::new(false).await;
    for number in 0..1001 {
        served.put(&format!("{number:04}"), "").await;
    }
    let page = served
        .client
        .list_objects_v2()
        .bucket(BUCKET)
        .max_keys(5000)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (page.key_count(), page.max_keys(), page.is_truncated()),
        (Some(1000), Some(1000), Some(true))
    );
}

#[tokio::test]
async fn versions_are_listed_newest_first_over_pages() {
    let served = Served::new(true).await;
    for (key, body) in [("a", "1"), ("b", "1"), ("a", "2"), ("b/c", "1")] {
        served.put(key, body).await;
    }
    served
        .client
        .delete_object()
        .bucket(BUCKET)
        .key("a")
        .send()
        .await
        .unwrap();
    for size in 1..7 {
        let (mut listed, mut key, mut id) = (Vec::new(), None, None);
        loop {
            let list = served
                .client
                .list_object_versions()
                .bucket(BUCKET)
                .max_keys(size);
            let page = list
                .set_key_marker(key)
                .set_version_id_marker(id)
                .send()
                .await
                .unwrap();
            let mut entries: Vec<_> = page
                .versions()
                .iter()
                .map(|version| version.version_id.clone().unwrap())
                .collect();
            entries.extend(
                page.delete_markers()
                    .iter()
                    .map(|marker| marker.version_id.clone().unwrap()),
            );
            listed.extend(entries);
            if page.is_truncated() != Some(true) {
                break;
            }
            (key, id) = (page.next_key_marker, page.next_version_id_marker);
        }
        let mut expected: Vec<_> = served
            .s3
            .versions(BUCKET)
            .into_iter()
            .map(|version| version.version_id)
            .collect();
        assert_eq!(listed.len(), 5);
        listed.sort_unstable();
        expected.sort_unstable();
        assert_eq!(listed, expected);
    }
    let page = served
        .client
        .list_object_versions()
        .bucket(BUCKET)
        .prefix("a")
        .send()
        .await
        .unwrap();
    assert_eq!(page.delete_markers()[0].is_latest(), Some(true));
    assert_eq!(
        page.versions()
            .iter()
            .map(aws_sdk_s3::types::ObjectVersion::is_latest)
            .collect::<Vec<_>>(),
        [Some(false); 2]
    );
}

#[tokio::test]
async fn unfinished_uploads_are_listed_by_key_and_beginning() {
    let served = Served::new(false).await;
    let mut begun = Vec::new();
    for key in ["b", "a", "b", "c/d"] {
        served.clock.advance(Duration::from_secs(1));
        let create = served
            .client
            .create_multipart_upload()
            .bucket(BUCKET)
            .key(key)
            .send()
            .await
            .unwrap();
        begun.push((key.to_owned(), create.upload_id.unwrap()));
    }
    begun.sort();
    for size in 1..5 {
        let (mut listed, mut key, mut id) = (Vec::new(), None, None);
        loop {
            let list = served
                .client
                .list_multipart_uploads()
                .bucket(BUCKET)
                .max_uploads(size);
            let page = list
                .set_key_marker(key)
                .set_upload_id_marker(id)
                .send()
                .await
                .unwrap();
            let uploads = page.uploads().iter();
            listed.extend(uploads.map(|upload| {
                (
                    upload.key.clone().unwrap(),
                    upload.upload_id.clone().unwrap(),
                )
            }));
            if page.is_truncated() != Some(true) {
                break;
            }
            (key, id) = (page.next_key_marker, page.next_upload_id_marker);
        }
        assert_eq!(listed, begun);
    }
}
