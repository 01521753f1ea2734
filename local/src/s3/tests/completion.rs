//! CompleteMultipartUpload: which parts it takes, and what it may replace.

use super::*;

use aws_sdk_s3::types::CompletedPart;

#[tokio::test]
async fn a_list_of_parts_that_does_not_fit_is_refused_by_name() {
    let served = Served::new(false).await;
    let id = served.begin("k").await;
    let one = served.part("k", &id, 1, noise(10)).await;
    let two = served.part("k", &id, 2, noise(10)).await;
    let complete =
        async |parts: &[CompletedPart]| served.complete("k", &id, parts, false).await.unwrap_err();
    assert_eq!(
        complete(&[one.clone(), two.clone()]).await,
        "EntityTooSmall"
    );
    assert_eq!(
        complete(&[two.clone(), one.clone()]).await,
        "InvalidPartOrder"
    );
    assert_eq!(complete(&[]).await, "MalformedXML");
    let missing = CompletedPart::builder()
        .part_number(3)
        .e_tag("\"0\"")
        .build();
    assert_eq!(complete(&[one.clone(), missing]).await, "InvalidPart");
    let other = CompletedPart::builder()
        .part_number(1)
        .e_tag("\"0\"")
        .build();
    assert_eq!(complete(&[other]).await, "InvalidPart");
    assert_eq!(
        served
            .complete("k", "none", std::slice::from_ref(&one), false)
            .await
            .unwrap_err(),
        "NoSuchUpload"
    );
    assert_eq!(
        served
            .complete("other key", &id, std::slice::from_ref(&one), false)
            .await
            .unwrap_err(),
        "NoSuchUpload"
    );
    served
        .complete("k", &id, &[one], false)
        .await
        .expect("the upload outlived all that");
    assert_eq!(served.get("k").await.unwrap().len(), 10);
}

#[tokio::test]
async fn an_upload_completes_once_and_only_where_nothing_is_if_so_asked() {
    let served = Served::new(true).await;
    let (first, second) = (served.begin("k").await, served.begin("k").await);
    let one = served.part("k", &first, 1, b"first".to_vec()).await;
    let two = served.part("k", &second, 1, b"second".to_vec()).await;
    served
        .complete("k", &first, std::slice::from_ref(&one), true)
        .await
        .unwrap();
    assert_eq!(
        served
            .complete("k", &second, std::slice::from_ref(&two), true)
            .await
            .unwrap_err(),
        "PreconditionFailed"
    );
    assert_eq!(
        served
            .complete("k", &first, &[one], true)
            .await
            .unwrap_err(),
        "NoSuchUpload"
    );
    assert_eq!(
        served.s3.unfinished_uploads(BUCKET).len(),
        1,
        "a failed condition does not end the upload"
    );
    served.complete("k", &second, &[two], false).await.unwrap();
    assert_eq!(served.s3.versions(BUCKET).len(), 2);
}
