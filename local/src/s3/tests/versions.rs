use super::*;

#[tokio::test]
async fn every_version_stays_and_a_deleted_object_has_a_marker() {
    let served = Served::new(true).await;
    let first = served.put("k", "1").await.unwrap();
    let second = served.put("k", "2").await.unwrap();
    let get = async |id: &str| match served.get_object("k").version_id(id).send().await {
        Ok(got) => text(got.body).await,
        Err(error) => code(&error),
    };
    assert_eq!(
        (get(&first).await, get(&second).await),
        ("1".into(), "2".into())
    );
    assert_eq!(get("none").await, "NoSuchVersion");
    let marker = served.delete("k").await.unwrap();
    assert_eq!(served.get("k").await.unwrap_err(), "NoSuchKey");
    assert_eq!(get(&marker).await, "MethodNotAllowed");
    assert!(served.s3.objects(BUCKET).is_empty());
    assert!(!served.root.path().join(BUCKET).join("k").exists());
    served.put("k", "3").await;
    assert_eq!(served.s3.versions(BUCKET).len(), 4);
    // State is on disk: all of it is there after a restart, the newest as a file.
    let again = served.restarted();
    assert_eq!(again.versions(BUCKET), served.s3.versions(BUCKET));
    let newest = std::fs::read_to_string(again.path(BUCKET, "k"));
    assert_eq!(newest.unwrap(), "3");
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
    for key in ["k", "never there"] {
        assert_eq!(served.delete(key).await, None);
    }
    assert!(served.restarted().versions(BUCKET).is_empty());
    assert_eq!(served.data_files(), 0);
}
