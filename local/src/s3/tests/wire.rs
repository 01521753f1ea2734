use super::*;

use aws_sdk_s3::presigning::PresigningConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A request by hand; the answer's status and body.
async fn raw(method: &str, url: &str, headers: &str, body: &str) -> (u16, String) {
    let (host, path) = url
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    let mut socket = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!(
        "{method} /{path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{headers}\r\n{body}"
    );
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        body.to_owned(),
    )
}

#[tokio::test]
async fn any_credentials_presigned_urls_and_strangers_are_served() {
    let served = Served::new(false).await;
    client(&served.address, "another secret")
        .list_buckets()
        .send()
        .await
        .unwrap();
    let valid = PresigningConfig::expires_in(Duration::from_mins(1)).unwrap();
    let put = served.put_object("a b/+é");
    let url = put.presigned(valid.clone()).await.unwrap();
    let put = raw("PUT", url.uri(), "content-length: 7\r\n", "by hand").await;
    assert_eq!(put, (200, String::new()));
    let get = served.get_object("a b/+é");
    let url = get.presigned(valid).await.unwrap();
    let unsigned = format!("{}/{BUCKET}/a%20b/%2B%C3%A9", served.address);
    for url in [url.uri(), &unsigned] {
        assert_eq!(raw("GET", url, "", "").await, (200, "by hand".to_owned()));
    }
}

#[tokio::test]
async fn a_body_that_is_not_what_was_signed_or_announced_is_not_stored() {
    let served = Served::new(false).await;
    let url = format!("{}/{BUCKET}/k", served.address);
    let streaming = "x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    for (headers, body, code) in [
        (
            format!("x-amz-content-sha256: {}", "0".repeat(64)),
            "another body",
            "XAmzContentSHA256Mismatch",
        ),
        (streaming.to_owned(), "9\r\nonly this\r\n", "IncompleteBody"),
        (
            format!("{streaming}\r\nx-amz-decoded-content-length: 9"),
            "4\r\nonly\r\n0\r\n\r\n",
            "IncompleteBody",
        ),
        (
            format!("{streaming}\r\nx-amz-trailer: x-amz-checksum-crc32"),
            "4\r\nonly\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
            "BadDigest",
        ),
    ] {
        let headers = format!("{headers}\r\ncontent-length: {}\r\n", body.len());
        let (status, answer) = raw("PUT", &url, &headers, body).await;
        assert_eq!(status, 400);
        assert!(answer.contains(&format!("<Code>{code}</Code>")), "{answer}");
    }
    assert!(served.s3.objects(BUCKET).is_empty());
    assert_eq!(served.data_files(), 0);
}

#[tokio::test]
async fn a_request_whose_connection_is_cut_leaves_nothing() {
    let served = Served::new(false).await;
    let host = served.address.strip_prefix("http://").unwrap();
    for _ in 0..20 {
        let mut socket = tokio::net::TcpStream::connect(host).await.unwrap();
        let request =
            format!("PUT /{BUCKET}/k HTTP/1.1\r\nhost: {host}\r\ncontent-length: 99\r\n\r\nonly");
        socket.write_all(request.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The server hears of it a moment later.
    for _ in 0..100 {
        if served.data_files() == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(served.data_files(), 0);
    assert!(served.s3.objects(BUCKET).is_empty());
}

#[tokio::test]
async fn old_and_new_chunked_bodies_are_decoded_and_their_encoding_is_not_stored() {
    let served = Served::new(false).await;
    let url = format!("{}/{BUCKET}/k", served.address);
    for payload in [
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    ] {
        let body = "5;chunk-signature=0\r\nhello\r\n0;chunk-signature=0\r\n\r\n";
        let headers = format!(
            "authorization: AWS4-HMAC-SHA256 Credential=anyone\r\nx-amz-content-sha256: {payload}\r\n\
             x-amz-decoded-content-length: 5\r\ncontent-encoding: gzip, aws-chunked\r\ncontent-length: {}\r\n",
            body.len()
        );
        assert_eq!(raw("PUT", &url, &headers, body).await, (200, String::new()));
        let head = served.head_object("k").send().await.unwrap();
        assert_eq!(head.content_encoding(), Some("gzip"));
        assert_eq!(raw("GET", &url, "", "").await.1, "hello");
    }
}
