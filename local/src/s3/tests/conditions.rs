use super::*;

#[tokio::test]
async fn ranges_are_answered_as_http_wants() {
    let served = Served::new(false).await;
    served.put("ten", "0123456789").await;
    served.put("none", "").await;
    let get = async |key: &str, range: &str| {
        let got = served.get_object(key).range(range).send().await;
        match got {
            Ok(got) => {
                let range = got.content_range().unwrap_or("whole").to_owned();
                (text(got.body).await, range)
            }
            Err(error) => (code(&error), String::new()),
        }
    };
    for (range, body, content_range) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=7-99", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
        ("bytes=10-", "InvalidRange", ""),
        ("bytes=-0", "InvalidRange", ""),
        ("lines=1-2", "0123456789", "whole"),
        ("bytes=4-2", "0123456789", "whole"),
    ] {
        assert_eq!(
            get("ten", range).await,
            (body.to_owned(), content_range.to_owned()),
            "{range}"
        );
    }
    assert_eq!(get("none", "bytes=0-").await.0, "InvalidRange");
}

#[tokio::test]
async fn conditions_of_reads_and_writes_hold() {
    let served = Served::new(false).await;
    let put = || served.put_object("k").body(ByteStream::from_static(b"1"));
    let error = put().if_match("\"0\"").send().await.unwrap_err();
    assert_eq!(code(&error), "NoSuchKey");
    let first = put()
        .if_none_match("*")
        .send()
        .await
        .unwrap()
        .e_tag
        .unwrap();
    let error = put().if_none_match("*").send().await.unwrap_err();
    assert_eq!(code(&error), "PreconditionFailed");
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 412);
    let error = put().if_none_match(&first).send().await.unwrap_err();
    assert_eq!(code(&error), "NotImplemented");
    assert!(put().if_match(&first).send().await.is_ok());
    let get = || served.get_object("k");
    let error = get().if_match("\"other\"").send().await.unwrap_err();
    assert_eq!(code(&error), "PreconditionFailed");
    let error = get().if_none_match(&first).send().await.unwrap_err();
    assert_eq!(error.raw_response().unwrap().status().as_u16(), 304);
    assert!(
        get()
            .if_match(&first)
            .if_none_match("\"other\"")
            .send()
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn of_many_concurrent_first_writes_one_succeeds() {
    let served = Served::new(true).await;
    let writes = (0..20).map(|n| {
        let body = ByteStream::from(format!("{n}").into_bytes());
        served.put_object("k").body(body).if_none_match("*").send()
    });
    let done = futures_util::future::join_all(writes).await;
    assert_eq!(done.iter().filter(|write| write.is_ok()).count(), 1);
    assert_eq!(served.s3.versions(BUCKET).len(), 1);
}
