use aws_config::SdkConfig;
use aws_sdk_codecommit::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use gix_hash::ObjectId;

use super::super::{CallCounts, Client, concurrency};
use super::*;
use crate::memory::MemoryBudget;

/// Answers every call at once with a file of 150,000 bytes.
#[derive(Debug)]
struct LargeFile;

impl HttpConnector for LargeFile {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        let body = format!(
            r#"{{"commitId": "c", "blobId": "b", "filePath": "a", "fileMode": "NORMAL",
                "fileSize": 150000, "fileContent": "{}"}}"#,
            "A".repeat(200_000)
        );
        let answer = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(body));
        HttpConnectorFuture::ready(Ok(answer))
    }
}

fn repository(counts: &CallCounts) -> Repository {
    let credentials = Credentials::new("TEST", "none", None, None, "test");
    let sdk = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-west-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .timeout_config(retry::timeouts())
        .http_client(http_client_fn(|_, _| SharedHttpConnector::new(LargeFile)))
        .build();
    Client::new(&sdk).repository("shop", counts.clone())
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_waits_for_memory_neither_fails_nor_is_repeated() {
    let counts = CallCounts::default();
    let repository = repository(&counts);
    let bundle = MemoryBudget::of(1_000_000).bundle();
    bundle.advance(0);
    let first = bundle.reservation(1);
    first.request(1_000_000).await.unwrap();
    let second = std::sync::Arc::new(bundle.reservation(2));
    let reading = tokio::spawn(async move {
        let commit = ObjectId::null(gix_hash::Kind::Sha1);
        repository.file(&commit, "a", &second).await
    });
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert!(!reading.is_finished());
    drop(first);
    assert_eq!(reading.await.unwrap().unwrap().len(), 150_000);
    assert_eq!(counts.sent.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_out_of_order_does_not_wait_for_those_that_wait_for_its_bundle() {
    let all = u32::try_from(concurrency::MOST_OF_ALL).unwrap();
    let _of_others = concurrency::OF_ALL_PUSHES.acquire_many(all).await.unwrap();
    let bundle = MemoryBudget::of(1_000_000).bundle();
    let reservation = std::sync::Arc::new(bundle.reservation(0));
    let commit = ObjectId::null(gix_hash::Kind::Sha1);
    let repository = repository(&CallCounts::default());
    let reading = repository.file(&commit, "a", &reservation);
    let read = tokio::time::timeout(Duration::from_mins(10), reading).await;
    assert_eq!(read.unwrap().unwrap().len(), 150_000);
}
