//! CopyObject and UploadPartCopy.

use super::*;

use aws_sdk_s3::types::{CompletedPart, MetadataDirective};

#[tokio::test]
async fn a_copy_takes_bytes_and_metadata_or_new_metadata() {
    let served = Served::new(false).await;
    let put = served
        .put_object("from é+")
        .body(ByteStream::from_static(b"bytes"));
    put.metadata("a", "1").send().await.unwrap();
    let copy = |to: &str| {
        served
            .client
            .copy_object()
            .bucket(BUCKET)
            .key(to)
            .copy_source("bundles/from%20%C3%A9%2B")
    };
    copy("kept").send().await.unwrap();
    copy("new")
        .metadata_directive(MetadataDirective::Replace)
        .metadata("b", "2")
        .send()
        .await
        .unwrap();
    let error = copy("from é+").send().await.unwrap_err();
    assert_eq!(code(&error), "InvalidRequest");
    let objects = served.s3.objects(BUCKET);
    let named = |key: &str| objects.iter().find(|object| object.key == key).unwrap();
    assert_eq!(
        (named("kept").size, named("kept").metadata["a"].as_str()),
        (5, "1")
    );
    assert_eq!(named("new").metadata.keys().collect::<Vec<_>>(), ["b"]);
    assert_eq!(served.get("kept").await.unwrap(), "bytes");
    let missing = served
        .client
        .copy_object()
        .bucket(BUCKET)
        .key("x")
        .copy_source("bundles/none")
        .send()
        .await;
    assert_eq!(code(&missing.unwrap_err()), "NoSuchKey");
}

#[tokio::test]
async fn parts_can_be_ranges_of_other_objects() {
    let served = Served::new(false).await;
    served.put("source", "0123456789").await;
    let id = served.begin("k").await;
    let copy = |range: &str| {
        let copy = served
            .client
            .upload_part_copy()
            .bucket(BUCKET)
            .key("k")
            .upload_id(&id)
            .part_number(1);
        copy.copy_source("bundles/source")
            .copy_source_range(range)
            .send()
    };
    assert_eq!(code(&copy("bytes=5-10").await.unwrap_err()), "InvalidRange");
    let etag = copy("bytes=2-5")
        .await
        .unwrap()
        .copy_part_result
        .unwrap()
        .e_tag;
    let part = CompletedPart::builder()
        .part_number(1)
        .set_e_tag(etag)
        .build();
    served.complete("k", &id, &[part], false).await.unwrap();
    assert_eq!(served.get("k").await.unwrap(), "2345");
}
