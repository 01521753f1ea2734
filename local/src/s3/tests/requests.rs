//! What is refused, and what must not be left behind by it.

use super::*;

use std::time::Duration;

use aws_sdk_s3::types::ChecksumAlgorithm;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The answer to a request written by hand, on a connection of its own.
async fn exchange(host: &str, request: &str) -> String {
    let mut socket = TcpStream::connect(host).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn any_credentials_are_taken_but_none_are_refused() {
    let served = Served::new(false).await;
    let stranger = client(&served.address, "another secret");
    let put = stranger.put_object().bucket(BUCKET).key("a b/+é");
    let put = put.body(ByteStream::from_static(b"bytes")).send().await;
    assert!(put.unwrap().checksum_crc32.is_some());
    let got = stranger.get_object().bucket(BUCKET).key("a b/+é").send();
    assert_eq!(text(got.await.unwrap().body).await, "bytes");
    let host = served.address.strip_prefix("http://").unwrap();
    let unsigned = format!("GET /{BUCKET}/k HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let answer = exchange(host, &unsigned).await;
    assert!(answer.contains("<Code>AccessDenied</Code>"), "{answer}");
}

#[tokio::test]
async fn what_would_be_ignored_is_refused() {
    let served = Served::new(false).await;
    let put = || served.put_object("k");
    let list = served.client.list_objects_v2().bucket(BUCKET);
    let [condition, tags, algorithm] = [
        put().if_none_match("*").send().await,
        put().tagging("a=b").send().await,
        put()
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .send()
            .await,
    ]
    .map(|refused| code(&refused.unwrap_err()));
    let page = code(&list.max_keys(3).send().await.unwrap_err());
    let operation = code(&served.client.list_buckets().send().await.unwrap_err());
    for refused in [condition, tags, algorithm, page, operation] {
        assert_eq!(refused, "NotImplemented");
    }
    assert_eq!(served.data_files(), 0);
}

#[tokio::test]
async fn a_refused_write_leaves_no_file() {
    let served = Served::new(false).await;
    let put = served
        .put_object("k")
        .body(ByteStream::from_static(b"bytes"));
    let error = put.checksum_crc32("AAAAAA==").send().await.unwrap_err();
    assert_eq!(code(&error), "BadDigest");
    let put = served.put_object("k").metadata("a", "x".repeat(2048));
    assert_eq!(code(&put.send().await.unwrap_err()), "MetadataTooLarge");
    let put = served.client.put_object().bucket("elsewhere").key("k");
    assert_eq!(code(&put.send().await.unwrap_err()), "NoSuchBucket");
    assert!(served.s3.objects(BUCKET).is_empty());
    assert_eq!(served.data_files(), 0);
}

#[tokio::test]
async fn a_streamed_body_that_its_trailer_or_its_length_contradicts_is_refused() {
    let served = Served::new(false).await;
    let host = served.address.strip_prefix("http://").unwrap();
    for (length, checksum, expected) in [
        (4, "AAAAAA==", "<Code>BadDigest</Code>"),
        (5, "4NkzUA==", "<Code>IncompleteBody</Code>"),
        (4, "4NkzUA==", "200 OK"),
    ] {
        let body = format!("4\r\nonly\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n");
        let request = format!(
            "PUT /{BUCKET}/k HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=a/20260101/r/s3/aws4_request\r\n\
             x-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n\
             x-amz-trailer: x-amz-checksum-crc32\r\nx-amz-decoded-content-length: {length}\r\n\
             content-length: {}\r\n\r\n{body}",
            body.len()
        );
        let answer = exchange(host, &request).await;
        assert!(answer.contains(expected), "{answer}");
    }
    assert_eq!(served.get("k").await.unwrap(), "only");
    assert_eq!(served.data_files(), 1);
}

#[tokio::test]
async fn a_request_whose_connection_is_cut_leaves_nothing() {
    let served = Served::new(false).await;
    let host = served.address.strip_prefix("http://").unwrap();
    let send = async |key: &str, length: usize| {
        let mut socket = TcpStream::connect(host).await.unwrap();
        let request = format!(
            "PUT /{BUCKET}/{key} HTTP/1.1\r\nhost: {host}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential=a/20260101/r/s3/aws4_request\r\n\
             x-amz-content-sha256: UNSIGNED-PAYLOAD\r\ncontent-length: {length}\r\n\r\nonly"
        );
        socket.write_all(request.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
        socket
    };
    for _ in 0..20 {
        send("cut", 99).await;
    }
    let mut whole = send("whole", 4).await;
    let _ = whole.read(&mut [0; 15]).await.unwrap();
    // The server hears of the others' end a moment later.
    for _ in 0..100 {
        if served.data_files() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(served.data_files(), 1);
    assert_eq!(served.get("whole").await.unwrap(), "only");
    assert_eq!(served.s3.objects(BUCKET).len(), 1);
}
