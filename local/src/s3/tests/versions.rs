use super::*;

use aws_sdk_s3::types::{
    BucketVersioningStatus, Delete, ObjectIdentifier, VersioningConfiguration,
};

#[tokio::test]
async fn every_version_stays_until_it_is_deleted_by_its_id() {
    let served = Served::new(true).await;
    let first = served.put("k", "1").await.unwrap();
    let second = served.put("k", "2").await.unwrap();
    assert_ne!(first, second);
    let get = async |id: &str| {
        let got = served.get_object("k").version_id(id).send().await;
        match got {
            Ok(got) => text(got.body).await,
            Err(error) => code(&error),
        }
    };
    assert_eq!(
        (get(&first).await, get(&second).await, get("none").await),
        ("1".into(), "2".into(), "NoSuchVersion".into())
    );
    let deleted = served
        .client
        .delete_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    let marker = deleted.version_id.unwrap();
    assert_eq!(deleted.delete_marker, Some(true));
    assert_eq!(served.get("k").await.unwrap_err(), "NoSuchKey");
    assert_eq!(get(&marker).await, "MethodNotAllowed");
    assert!(!served.s3.path(BUCKET, "k").exists());
    let fresh = served.put_object("k").if_none_match("*");
    fresh
        .body(ByteStream::from_static(b"3"))
        .send()
        .await
        .expect("a delete marker counts as absent");
    assert_eq!(served.s3.versions(BUCKET).len(), 4);
    // State is on disk: all of it is there after a restart, the newest as a file.
    let again = served.restarted();
    assert_eq!(again.versions(BUCKET), served.s3.versions(BUCKET));
    assert_eq!(
        std::fs::read_to_string(again.path(BUCKET, "k")).unwrap(),
        "3"
    );
    let newest = served.s3.versions(BUCKET)[0].version_id.clone();
    for id in [&newest, &marker, &second] {
        served
            .client
            .delete_object()
            .bucket(BUCKET)
            .key("k")
            .version_id(id)
            .send()
            .await
            .unwrap();
    }
    assert_eq!(served.get("k").await.unwrap(), "1");
    assert_eq!(
        std::fs::read_to_string(served.s3.path(BUCKET, "k")).unwrap(),
        "1"
    );
}

#[tokio::test]
async fn without_versioning_there_is_one_version_and_no_id() {
    let served = Served::new(false).await;
    assert_eq!(served.put("k", "1").await, None);
    assert_eq!(served.put("k", "2").await, None);
    let [only] = &served.s3.versions(BUCKET)[..] else {
        panic!("one version")
    };
    assert_eq!(only.version_id, "null");
    assert_eq!(served.data_files(), 1);
    let deleted = served
        .client
        .delete_object()
        .bucket(BUCKET)
        .key("k")
        .send()
        .await
        .unwrap();
    assert_eq!((deleted.version_id, deleted.delete_marker), (None, None));
    assert_eq!(served.data_files(), 0);
    served
        .client
        .delete_object()
        .bucket(BUCKET)
        .key("never there")
        .send()
        .await
        .unwrap();
    assert!(served.s3.versions(BUCKET).is_empty());
}

#[tokio::test]
async fn suspended_versioning_replaces_only_the_null_version() {
    let served = Served::new(false).await;
    served.put("k", "before").await;
    let set = async |status: BucketVersioningStatus| {
        let configuration = VersioningConfiguration::builder().status(status).build();
        let put = served
            .client
            .put_bucket_versioning()
            .bucket(BUCKET)
            .versioning_configuration(configuration);
        put.send().await.unwrap();
    };
    let versioning = served
        .client
        .get_bucket_versioning()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(versioning.status, None);
    set(BucketVersioningStatus::Enabled).await;
    let kept = served.put("k", "kept").await.unwrap();
    set(BucketVersioningStatus::Suspended).await;
    assert_eq!(served.put("k", "null").await.as_deref(), Some("null"));
    let ids: Vec<String> = served
        .s3
        .versions(BUCKET)
        .into_iter()
        .map(|version| version.version_id)
        .collect();
    assert_eq!(ids, ["null".to_owned(), kept]);
    assert_eq!(
        served.restarted().versions(BUCKET),
        served.s3.versions(BUCKET)
    );
}

#[tokio::test]
async fn many_are_deleted_at_once_and_reported() {
    let served = Served::new(true).await;
    let id = served.put("a", "1").await.unwrap();
    served.put("b", "2").await;
    let object = |key: &str, id: Option<&str>| {
        let object = ObjectIdentifier::builder()
            .key(key)
            .set_version_id(id.map(ToOwned::to_owned));
        object.build().unwrap()
    };
    let all = Delete::builder()
        .objects(object("a", Some(&id)))
        .objects(object("b", None))
        .build()
        .unwrap();
    let done = served
        .client
        .delete_objects()
        .bucket(BUCKET)
        .delete(all)
        .send()
        .await
        .unwrap();
    assert_eq!(done.deleted().len(), 2);
    assert_eq!(done.deleted()[0].version_id(), Some(id.as_str()));
    assert!(done.deleted()[1].delete_marker_version_id().is_some());
    assert!(served.s3.objects(BUCKET).is_empty());
    assert_eq!(served.s3.versions(BUCKET).len(), 2);
}
