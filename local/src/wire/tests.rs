//! Raw HTTP against the port: what the SDKs take for granted.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::clock::Clock;
use crate::faults::{Action, Rule};

mod faults;

struct Local {
    wire: Wire,
    calls: CallLog,
    faults: Faults,
    served: Arc<AtomicU64>,
}

/// CodeCommit that echoes, SQS that refuses, S3 that knows one object.
async fn local() -> Local {
    let served = Arc::new(AtomicU64::new(0));
    let count = served.clone();
    let echo: JsonRoute = Arc::new(move |operation, input| {
        count.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move {
            let files = json!([{"relativePath": "a", "absolutePath": "a"}, {"relativePath": "b", "absolutePath": "b"}]);
            Ok(json!({"operation": operation, "input": input, "files": files, "content": "AAAA"}))
        })
    });
    let refuse: JsonRoute = Arc::new(|_, _| {
        Box::pin(async { Err(ServiceError::new("QueueDoesNotExist", "no such queue")) })
    });
    let s3: S3Route = Arc::new(|request| {
        Box::pin(async move {
            let found = request.uri().path() == "/bucket/key";
            let (status, body) = if found {
                (200, "content")
            } else {
                (404, "<Error><Code>NoSuchKey</Code></Error>")
            };
            Response::builder()
                .status(status)
                .body(s3s::Body::from(body.to_owned()))
                .unwrap()
        })
    });
    let routes = Routes {
        json: [(Service::CodeCommit, echo), (Service::Sqs, refuse)].into(),
        sts: Arc::new(|form| {
            let id = "<AccessKeyId>ASSUMED</AccessKeyId>";
            Ok(format!("<Form>{form:?}</Form>{id}"))
        }),
        s3,
    };
    let calls = CallLog::default();
    let faults = Faults::new(Clock::default());
    let wire = Wire::open(0)
        .await
        .unwrap()
        .serve(routes, calls.clone(), faults.clone());
    Local {
        wire,
        calls,
        faults,
        served,
    }
}

impl Local {
    /// One request on a connection of its own; the error is the connection's.
    async fn send(&self, head: &str, body: &str) -> io::Result<(String, String)> {
        let mut stream = TcpStream::connect(self.wire.address).await?;
        let request = format!(
            "{head}\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        Ok((head.to_lowercase(), body.to_owned()))
    }

    async fn get_folder(&self) -> io::Result<(String, String)> {
        self.send(
            GET_FOLDER,
            r#"{"repositoryName":"demo","folderPath":"src"}"#,
        )
        .await
    }

    async fn one_fault(&self, action: Action) -> io::Result<(String, String)> {
        self.faults.clear();
        self.faults.add(Rule::new(action));
        self.get_folder().await
    }
}

const GET_FOLDER: &str = "POST / HTTP/1.1\r\ncontent-type: application/x-amz-json-1.1\r\n\
    x-amz-target: CodeCommit_20150413.GetFolder\r\namz-sdk-request: attempt=2; max=3\r\n\
    authorization: AWS4-HMAC-SHA256 Credential=LOCALFUNCTIONPUB0001/20260101/eu-west-1/codecommit/aws4_request";

#[tokio::test]
async fn a_json_call_is_answered_and_recorded() {
    let local = local().await;
    let (head, body) = local.get_folder().await.unwrap();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(
        head.contains("content-type: application/x-amz-json-1.1"),
        "{head}"
    );
    assert!(head.contains("x-amzn-requestid: "), "{head}");
    assert_eq!(
        serde_json::from_str::<Value>(&body).unwrap()["operation"],
        "GetFolder"
    );
    let calls = local.calls.list();
    let call = &calls[0];
    assert_eq!(
        (call.number, call.service, call.attempt),
        (1, Service::CodeCommit, 2)
    );
    assert_eq!((call.detail.as_str(), call.status), ("demo:src", Some(200)));
    assert_eq!(call.access_key_id.as_deref(), Some("LOCALFUNCTIONPUB0001"));
    assert_eq!(
        (call.request_bytes, call.response_bytes),
        (44, body.len() as u64)
    );
    assert_eq!(
        local.calls.totals()[&(Service::CodeCommit, "GetFolder".to_owned())].calls,
        1
    );
}

#[tokio::test]
async fn an_error_is_written_in_the_callers_protocol() {
    let local = local().await;
    let json = "POST / HTTP/1.1\r\nx-amz-target: AmazonSQS.ReceiveMessage";
    let (head, body) = local.send(json, "{}").await.unwrap();
    assert!(head.starts_with("http/1.1 400"), "{head}");
    // SDKs take SQS's codes from this header, and JSON 1.0 is what SQS speaks.
    assert!(head.contains("x-amzn-query-error: aws.simplequeueservice.nonexistentqueue;sender"));
    assert!(head.contains("content-type: application/x-amz-json-1.0"));
    assert_eq!(
        body,
        r#"{"__type":"QueueDoesNotExist","message":"no such queue"}"#
    );
    let (head, _) = local.send("GET /bucket/none HTTP/1.1", "").await.unwrap();
    assert!(
        head.starts_with("http/1.1 404") && head.contains("x-amz-request-id"),
        "{head}"
    );
    let calls = local.calls.list().into_iter();
    let errors: Vec<_> = calls.filter_map(|call| call.error).collect();
    assert_eq!(errors, ["QueueDoesNotExist", "NoSuchKey"]);
}

#[tokio::test]
async fn what_is_not_json_or_for_another_service_is_refused() {
    let local = local().await;
    let (_, body) = local.send(GET_FOLDER, "{").await.unwrap();
    assert!(body.contains("SerializationException"), "{body}");
    let head = "POST / HTTP/1.1\r\nx-amz-target: DynamoDB_20120810.GetItem";
    let (head, body) = local.send(head, "{}").await.unwrap();
    assert!(head.starts_with("http/1.1 400"), "{head}");
    assert!(body.contains("has no DynamoDB"), "{body}");
}

#[tokio::test]
async fn a_call_under_an_assumed_role_is_the_functions_own() {
    let local = local().await;
    let form = GET_FOLDER.replace("x-amz-target", "x-other");
    let form = form.replace("x-amz-json-1.1", "x-www-form-urlencoded");
    local.send(&form, "Action=AssumeRole").await.unwrap();
    let rule = local
        .faults
        .add(Rule::new(Action::ResetBefore).by_function());
    let assumed = GET_FOLDER.replace("LOCALFUNCTIONPUB0001", "ASSUMED");
    local.send(&assumed, "{}").await.unwrap_err();
    assert_eq!(local.faults.fired(rule).unwrap().fired, 1);
    let call = local.calls.of(Service::CodeCommit, "GetFolder").remove(0);
    assert_eq!(call.access_key_id.as_deref(), Some("ASSUMED"));
}
