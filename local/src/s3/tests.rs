//! The local S3 over a real socket, called by the real AWS SDK: what S3 refuses, versions, and what
//! must not be left behind. Uploads and downloads themselves tests/it makes with whole bundles.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::builders::GetObjectFluentBuilder;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use tempfile::TempDir;

use super::*;
use crate::aws::{LocalAws, Options};

mod multipart;

const BUCKET: &str = "bundles";

/// A local S3 with one bucket and a client.
struct Served {
    root: TempDir,
    aws: LocalAws,
    client: Client,
}

impl Served {
    async fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let aws = LocalAws::start(Options::new(root.path())).await.unwrap();
        aws.s3.create_bucket(BUCKET).unwrap();
        let credentials = Credentials::new("anyone", "another secret", None, None, "test");
        let config = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(pushbuild::aws::connections::Connections::prepare())
            .region(Region::new("eu-west-1"))
            .credentials_provider(credentials)
            .endpoint_url(&aws.endpoint)
            .force_path_style(true);
        let client = Client::from_conf(config.build());
        Self { root, aws, client }
    }

    /// The S3 on the same folder, as the next start of the program sees it.
    fn restarted(&self) -> S3 {
        let s3 = S3::new(self.root.path().to_owned(), Clock::default()).unwrap();
        s3.create_bucket(BUCKET).unwrap();
        s3
    }

    fn put_object(&self, key: &str) -> PutObjectFluentBuilder {
        let put = self.client.put_object().bucket(BUCKET).key(key);
        put.body(ByteStream::from_static(b"bytes"))
    }

    fn get_object(&self, key: &str) -> GetObjectFluentBuilder {
        self.client.get_object().bucket(BUCKET).key(key)
    }

    async fn put(&self, key: &str, body: &str) {
        let body = ByteStream::from(body.as_bytes().to_vec());
        self.put_object(key).body(body).send().await.unwrap();
    }

    async fn delete(&self, key: &str) {
        let delete = self.client.delete_object().bucket(BUCKET).key(key);
        delete.send().await.unwrap();
    }

    async fn get(&self, key: &str) -> String {
        text(self.get_object(key)).await
    }

    /// How many files of data there are.
    fn data_files(&self) -> usize {
        let files = std::fs::read_dir(self.root.path().join(".versions").join(BUCKET)).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        paths.filter(|path| path.extension().is_none()).count()
    }
}

fn code<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    error.code().unwrap_or("no code").to_owned()
}

/// The object's bytes, or the code of the refusal.
async fn text(get: GetObjectFluentBuilder) -> String {
    match get.send().await {
        Ok(got) => String::from_utf8(got.body.collect().await.unwrap().to_vec()).unwrap(),
        Err(error) => code(&error),
    }
}

#[tokio::test]
async fn every_version_stays_and_a_deleted_object_has_a_marker() {
    let served = Served::new().await;
    served.put("k", "1").await;
    served.put("k", "2").await;
    assert_eq!(served.get("k").await, "2");
    served.delete("k").await;
    assert_eq!(served.get("k").await, "NoSuchKey");
    assert!(served.aws.s3.objects(BUCKET).is_empty());
    assert!(!served.root.path().join(BUCKET).join("k").exists());
    served.put("k", "3").await;
    assert_eq!(served.aws.s3.versions(BUCKET).len(), 4);
    // State is on disk: all of it is there after a restart, the newest as a file.
    let again = served.restarted();
    assert_eq!(again.versions(BUCKET), served.aws.s3.versions(BUCKET));
    let newest = std::fs::read_to_string(again.path(BUCKET, "k"));
    assert_eq!(newest.unwrap(), "3");
}

#[tokio::test]
async fn a_read_of_a_state_that_was_overwritten_and_a_range_without_bytes_are_refused() {
    let served = Served::new().await;
    served.put("k", "0123456789").await;
    served.put("none", "").await;
    let etag = served.get_object("k").send().await.unwrap().e_tag.unwrap();
    for (key, range, expected) in [
        ("k", "bytes=2-4", "234"),
        ("k", "bytes=7-99", "789"),
        ("k", "bytes=-3", "789"),
        ("k", "bytes=-99", "0123456789"),
        ("k", "bytes=10-", "InvalidRange"),
        ("k", "bytes=-0", "InvalidRange"),
        ("none", "bytes=0-", "InvalidRange"),
        ("none", "bytes=-5", ""),
    ] {
        let got = text(served.get_object(key).range(range)).await;
        assert_eq!(got, expected, "{key} {range}");
    }
    let get = || text(served.get_object("k").if_match(&etag));
    assert_eq!(get().await, "0123456789");
    served.put("k", "2").await;
    assert_eq!(get().await, "PreconditionFailed");
}

#[tokio::test]
async fn any_key_is_an_object_of_its_own_and_none_leaves_the_bucket() {
    let served = Served::new().await;
    let long = "long/".repeat(100) + &"é".repeat(262);
    let keys = [
        "a", "a/b", "a/", "a//b", "a b", "a+b", "a%2Fb", "a#b", "a?b", "a\\b", "ä😀", "..", "../a",
        "a/../b", "./a", ".s3", "a\nb", &long,
    ];
    for key in keys {
        served.put(key, key).await;
    }
    for key in keys {
        assert_eq!(served.get(key).await, key);
        let file = served.aws.s3.path(BUCKET, key);
        assert_eq!(std::fs::read_to_string(file).unwrap(), key);
    }
    let longer = served.put_object(&(long.clone() + "x")).send().await;
    assert_eq!(code(&longer.unwrap_err()), "KeyTooLongError");
    let beside = std::fs::read_dir(served.root.path()).unwrap();
    assert_eq!(beside.count(), 2, "the bucket and .versions, nothing else");
    for key in keys {
        served.delete(key).await;
    }
    let shown = std::fs::read_dir(served.root.path().join(BUCKET)).unwrap();
    assert_eq!(shown.count(), 0);
}

#[tokio::test]
async fn a_thousand_objects_are_listed_in_byte_order() {
    let served = Served::new().await;
    let list = async |prefix: &str| {
        let list = served.client.list_objects_v2().bucket(BUCKET);
        list.prefix(prefix).send().await.unwrap()
    };
    for key in ["a/é", "a/b/c", "a0", "a/deleted"] {
        served.put(key, "x").await;
    }
    served.delete("a/deleted").await;
    let page = list("a/").await;
    let keys = page.contents().iter().filter_map(|object| object.key());
    assert_eq!(keys.collect::<Vec<_>>(), ["a/b/c", "a/é"]);
    for number in 0..1001 {
        served.put(&format!("many/{number:04}"), "").await;
    }
    let page = list("many/").await;
    let end = page.contents().last().and_then(|object| object.key());
    assert_eq!((end, page.is_truncated()), (Some("many/0999"), Some(true)));
}

#[tokio::test]
async fn what_s3_refuses_and_what_would_be_ignored_leaves_nothing() {
    let served = Served::new().await;
    let put = || served.put_object("k");
    let sha256 = ChecksumAlgorithm::Sha256;
    for (put, expected) in [
        (put().expected_bucket_owner("111111111111"), "AccessDenied"),
        (put().checksum_crc32("AAAAAA=="), "BadDigest"),
        (put().metadata("a", "x".repeat(2048)), "MetadataTooLarge"),
        (put().bucket("elsewhere"), "NoSuchBucket"),
        (put().if_none_match("*"), "NotImplemented"),
        (put().tagging("a=b"), "NotImplemented"),
        (put().checksum_algorithm(sha256), "NotImplemented"),
    ] {
        assert_eq!(code(&put.send().await.unwrap_err()), expected);
    }
    let page = served.client.list_objects_v2().bucket(BUCKET).max_keys(3);
    assert_eq!(code(&page.send().await.unwrap_err()), "NotImplemented");
    for get in [
        served.get_object("k").version_id("v"),
        served.get_object("k").part_number(1),
    ] {
        assert_eq!(text(get).await, "NotImplemented");
    }
    let operation = served.client.list_buckets().send().await.unwrap_err();
    assert_eq!(code(&operation), "NotImplemented");
    assert!(served.aws.s3.versions(BUCKET).is_empty());
    assert_eq!(served.data_files(), 0);
}
