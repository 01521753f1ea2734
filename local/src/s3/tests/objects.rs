use super::*;

use aws_sdk_s3::types::{ChecksumMode, MetadataDirective};

#[tokio::test]
async fn an_object_comes_back_with_all_that_was_said_of_it_and_is_a_plain_file() {
    let served = Served::new(false).await;
    let key = "repo/feature/x/0123.zip";
    let put = served
        .put_object(key)
        .body(ByteStream::from_static(b"bundle"))
        .content_type("application/zip")
        .metadata("event-id", "e-1")
        .send()
        .await
        .unwrap();
    assert_eq!(put.version_id, None);
    assert_eq!(put.e_tag(), Some("\"94377c156735b39dfa4ac607234cb87c\""));
    assert!(put.checksum_crc32.is_some());
    let get = served.get_object(key).checksum_mode(ChecksumMode::Enabled);
    let got = get.send().await.unwrap();
    assert_eq!(got.content_type(), Some("application/zip"));
    assert_eq!(got.metadata().unwrap()["event-id"], "e-1");
    assert_eq!(got.checksum_crc32, put.checksum_crc32);
    assert_eq!(text(got.body).await, "bundle");
    let file = served.root.path().join(BUCKET).join(key);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "bundle");
    assert_eq!(served.s3.path(BUCKET, key), file);
    let head = served.client.head_object().bucket(BUCKET).key(key);
    let head = head.send().await.unwrap();
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
    let put = served.put_object("big").body(body).send().await.unwrap();
    assert!(put.checksum_crc32.is_some(), "it came as a trailer");
    let got = served.get_object("big").send().await.unwrap();
    assert!(got.body.collect().await.unwrap().to_vec() == bytes);
}

#[tokio::test]
async fn ranges_are_answered_as_http_wants() {
    let served = Served::new(false).await;
    served.put("ten", "0123456789").await;
    served.put("none", "").await;
    let get = async |key: &str, range: &str| match served.get_object(key).range(range).send().await
    {
        Ok(got) => {
            let range = got.content_range().unwrap_or("whole").to_owned();
            (text(got.body).await, range)
        }
        Err(error) => (code(&error), String::new()),
    };
    for (range, body, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-99", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
        ("bytes=10-", "InvalidRange", ""),
        ("bytes=-0", "InvalidRange", ""),
    ] {
        let expected = (body.to_owned(), content_range.to_owned());
        assert_eq!(get("ten", range).await, expected, "{range}");
    }
    assert_eq!(get("none", "bytes=0-").await.0, "InvalidRange");
    assert_eq!(get("none", "bytes=-5").await.1, "whole");
}

#[tokio::test]
async fn a_read_of_a_state_that_was_overwritten_is_refused() {
    let served = Served::new(true).await;
    served.put("k", "1").await;
    let first = served.get_object("k").send().await.unwrap().e_tag.unwrap();
    let get = || served.get_object("k").if_match(&first).send();
    assert!(get().await.is_ok());
    served.put("k", "2").await;
    assert_eq!(code(&get().await.unwrap_err()), "PreconditionFailed");
}

#[tokio::test]
async fn a_copy_takes_the_bytes_of_a_version_and_new_metadata() {
    let served = Served::new(true).await;
    let version = served.put("from é+", "bytes").await.unwrap();
    served.put("from é+", "newer").await;
    let copy = |source: &str| {
        let copy = served.client.copy_object().bucket(BUCKET).key("to");
        copy.copy_source(source)
            .metadata_directive(MetadataDirective::Replace)
            .metadata("b", "2")
    };
    let source = format!("bundles/from%20%C3%A9%2B?versionId={version}");
    let copied = copy(&source).send().await.unwrap();
    assert_eq!(served.get("to").await.unwrap(), "bytes");
    let objects = served.s3.objects(BUCKET);
    let new = objects.iter().find(|object| object.key == "to").unwrap();
    assert_eq!(new.metadata["b"], "2");
    assert_eq!(copied.version_id.as_ref(), Some(&new.version_id));
    let missing = copy("bundles/none").send().await.unwrap_err();
    assert_eq!(code(&missing), "NoSuchKey");
}

#[tokio::test]
async fn any_key_is_an_object_of_its_own_and_none_leaves_the_bucket() {
    let served = Served::new(false).await;
    let long = "long/".repeat(100) + &"é".repeat(262);
    assert_eq!(long.len(), 1024);
    let keys = [
        "a", "a/b", "a/", "a//b", "a b", "a+b", "a%b", "a%2Fb", "a#b", "a?b", "a&b=c", "a\\b",
        "a\"b'", "ä😀", "..", "../a", "a/../b", "./a", ".s3", "a\nb", "a<b>", &long,
    ];
    for key in keys {
        served.put(key, key).await;
    }
    for key in keys {
        assert_eq!(served.get(key).await.as_deref(), Ok(key));
        let file = served.s3.path(BUCKET, key);
        assert_eq!(std::fs::read_to_string(file).unwrap(), key);
    }
    let longer = served.put_object(long.clone() + "x").send().await;
    assert_eq!(code(&longer.unwrap_err()), "KeyTooLongError");
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    let listed = served.restarted().objects(BUCKET);
    let listed = listed.iter().map(|object| object.key.as_str());
    assert_eq!(listed.collect::<Vec<_>>(), sorted);
    let beside = std::fs::read_dir(served.root.path()).unwrap();
    assert_eq!(beside.count(), 2, "the bucket and .s3, nothing else");
    for key in keys {
        served.delete(key).await;
    }
    let shown = std::fs::read_dir(served.root.path().join(BUCKET)).unwrap();
    assert_eq!((shown.count(), served.data_files()), (0, 0));
}

#[tokio::test]
async fn a_thousand_objects_are_listed_in_byte_order() {
    let served = Served::new(true).await;
    for key in ["a/é", "a/b/c", "a0", "a/deleted"] {
        served.put(key, "x").await;
    }
    served.delete("a/deleted").await;
    let list = async |prefix: &str| {
        let list = served
            .client
            .list_objects_v2()
            .bucket(BUCKET)
            .prefix(prefix);
        list.send().await.unwrap()
    };
    let page = list("a/").await;
    let keys = page.contents().iter().filter_map(|object| object.key());
    assert_eq!(keys.collect::<Vec<_>>(), ["a/b/c", "a/é"]);
    assert_eq!(page.is_truncated(), Some(false));
    for number in 0..1001 {
        served.put(&format!("many/{number:04}"), "").await;
    }
    let page = list("many/").await;
    let end = page.contents().last().and_then(|object| object.key());
    assert_eq!(end, Some("many/0999"));
    assert_eq!(
        (page.key_count(), page.is_truncated()),
        (Some(1000), Some(true))
    );
}
