use super::*;

use aws_sdk_s3::types::{ChecksumAlgorithm, ChecksumMode};

#[tokio::test]
async fn an_object_comes_back_with_all_that_was_said_of_it_and_is_a_plain_file() {
    let served = Served::new(false).await;
    let key = "repo/feature/x/0123.zip";
    let put = served
        .put_object(key)
        .body(ByteStream::from_static(b"bundle"));
    let put = put
        .content_type("application/zip")
        .metadata("event-id", "e-1")
        .metadata("näme", "x");
    assert!(
        put.send().await.is_err(),
        "a metadata name that is no header name"
    );
    let put = served
        .put_object(key)
        .body(ByteStream::from_static(b"bundle"));
    let put = put
        .content_type("application/zip")
        .metadata("event-id", "e-1")
        .send()
        .await
        .unwrap();
    assert_eq!(put.version_id, None);
    assert_eq!(
        put.e_tag.as_deref(),
        Some("\"94377c156735b39dfa4ac607234cb87c\"")
    );
    assert!(put.checksum_crc32.is_some());
    let got = served
        .get_object(key)
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .unwrap();
    assert_eq!(got.content_type(), Some("application/zip"));
    assert_eq!(got.metadata().unwrap()["event-id"], "e-1");
    assert_eq!(got.checksum_crc32, put.checksum_crc32);
    assert_eq!(text(got.body).await, "bundle");
    let file = served.root.path().join(BUCKET).join(key);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "bundle");
    assert_eq!(served.s3.path(BUCKET, key), file);
    let head = served.head_object(key).send().await.unwrap();
    assert_eq!(
        (head.content_length(), head.e_tag()),
        (Some(6), put.e_tag())
    );
    let [object] = &served.s3.objects(BUCKET)[..] else {
        panic!("one object")
    };
    assert_eq!(
        (object.size, object.metadata["event-id"].as_str()),
        (6, "e-1")
    );
}

#[tokio::test]
async fn a_streamed_body_of_megabytes_arrives_and_returns_whole() {
    let served = Served::new(false).await;
    let bytes = noise(9 << 20);
    let file = served.root.path().join("upload");
    std::fs::write(&file, &bytes).unwrap();
    let body = ByteStream::from_path(&file).await.unwrap();
    served.put_object("big").body(body).send().await.unwrap();
    let got = served.get_object("big").send().await.unwrap();
    assert!(got.body.collect().await.unwrap().to_vec() == bytes);
}

#[tokio::test]
async fn every_checksum_algorithm_is_computed_and_a_wrong_value_is_refused() {
    let served = Served::new(false).await;
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        let put = served
            .put_object("sum")
            .body(ByteStream::from_static(b"bytes"));
        put.checksum_algorithm(algorithm).send().await.unwrap();
        assert_eq!(served.get("sum").await.unwrap(), "bytes");
    }
    let put = || {
        served
            .put_object("wrong")
            .body(ByteStream::from_static(b"bytes"))
    };
    let error = put().checksum_crc32("AAAAAA==").send().await.unwrap_err();
    assert_eq!(code(&error), "BadDigest");
    let error = put()
        .content_md5("AAAAAAAAAAAAAAAAAAAAAA==")
        .send()
        .await
        .unwrap_err();
    assert_eq!(code(&error), "BadDigest");
    let error = put().content_md5("nonsense").send().await.unwrap_err();
    assert_eq!(code(&error), "InvalidDigest");
    assert_eq!(served.get("wrong").await.unwrap_err(), "NoSuchKey");
    assert_eq!(served.data_files(), 1, "what was refused leaves no file");
}

#[tokio::test]
async fn any_key_is_an_object_of_its_own() {
    let served = Served::new(false).await;
    let long = "long/".repeat(100) + &"é".repeat(262);
    assert_eq!(long.len(), 1024);
    let keys = [
        "a",
        "a/b",
        "a/",
        "a//b",
        "/a",
        "a b",
        "a+b",
        "a%b",
        "a%2Fb",
        "a#b",
        "a?b",
        "a&b=c",
        "a\\b",
        "a\"b'",
        "ä😀",
        "..",
        "../a",
        "a/../b",
        "./a",
        ".s3",
        "a\nb",
        "a<b>",
        long.as_str(),
    ];
    for key in keys {
        served.put(key, key).await;
    }
    for key in keys {
        assert_eq!(served.get(key).await.as_deref(), Ok(key));
        assert_eq!(
            std::fs::read_to_string(served.s3.path(BUCKET, key)).unwrap(),
            key
        );
    }
    let error = served
        .put_object(long.clone() + "x")
        .send()
        .await
        .unwrap_err();
    assert_eq!(code(&error), "KeyTooLongError");
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    let listed = served.restarted().objects(BUCKET);
    assert_eq!(
        listed
            .iter()
            .map(|object| object.key.as_str())
            .collect::<Vec<_>>(),
        sorted
    );
    let beside: Vec<_> = std::fs::read_dir(served.root.path()).unwrap().collect();
    assert_eq!(beside.len(), 2, "the bucket and .s3, nothing else");
}

#[tokio::test]
async fn too_much_metadata_and_unknown_buckets_are_refused_by_name() {
    let served = Served::new(false).await;
    let put = served.put_object("k").metadata("a", "x".repeat(2048));
    assert_eq!(code(&put.send().await.unwrap_err()), "MetadataTooLarge");
    let put = served
        .client
        .put_object()
        .bucket("elsewhere")
        .key("k")
        .send()
        .await;
    assert_eq!(code(&put.unwrap_err()), "NoSuchBucket");
    let head = served.client.head_bucket().bucket("elsewhere").send().await;
    assert_eq!(
        head.unwrap_err().raw_response().unwrap().status().as_u16(),
        404
    );
    served
        .client
        .create_bucket()
        .bucket("another")
        .send()
        .await
        .unwrap();
    let again = served.client.create_bucket().bucket("another").send().await;
    assert_eq!(code(&again.unwrap_err()), "BucketAlreadyOwnedByYou");
    served.put("k", "v").await;
    let full = served.client.delete_bucket().bucket(BUCKET).send().await;
    assert_eq!(code(&full.unwrap_err()), "BucketNotEmpty");
    served
        .client
        .delete_bucket()
        .bucket("another")
        .send()
        .await
        .unwrap();
    let buckets = served
        .client
        .list_buckets()
        .send()
        .await
        .unwrap()
        .buckets
        .unwrap();
    assert_eq!(
        buckets
            .iter()
            .filter_map(|bucket| bucket.name())
            .collect::<Vec<_>>(),
        [BUCKET]
    );
}
