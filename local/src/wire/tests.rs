//! Raw HTTP against the port: what the SDKs rely on, and what faults send them.

use std::time::Instant;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::aws::{LocalAws, Options};
use crate::codecommit::fixture::Repo;
use crate::faults::{Action, Rule, Shape};
use crate::sqs::QueueOptions;

/// A whole local AWS, with a repository `demo`, any project, a bucket and a queue.
struct Local {
    aws: LocalAws,
    repo: Repo,
    _root: TempDir,
}

const SIGNED: &str = "amz-sdk-request: attempt=2; max=3\r\n\
    authorization: AWS4-HMAC-SHA256 Credential=LOCALFUNCTIONPUB0001/20260101/eu-west-1/x/aws4_request";
const START_BUILD: &str =
    r#"{"projectName":"demo","sourceTypeOverride":"S3","sourceLocationOverride":"bucket/key"}"#;

async fn local() -> Local {
    let root = tempfile::tempdir().unwrap();
    let aws = LocalAws::start(Options::new(root.path())).await.unwrap();
    let repo = Repo::sampler();
    aws.codecommit
        .add_repository("demo", repo.git.path())
        .unwrap();
    aws.codebuild.accept_any_project(true);
    aws.s3.create_bucket("bucket").unwrap();
    Local {
        aws,
        repo,
        _root: root,
    }
}

impl Local {
    /// One request on a connection of its own; the error is the connection's.
    async fn send(&self, head: &str, body: &str) -> io::Result<(String, String)> {
        let address = self.aws.endpoint.replace("http://", "");
        let mut stream = TcpStream::connect(address).await?;
        let length = body.len();
        let rest = format!("connection: close\r\ncontent-length: {length}\r\n\r\n{body}");
        stream
            .write_all(format!("{head}\r\nhost: x\r\n{rest}").as_bytes())
            .await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        Ok((head.to_lowercase(), body.to_owned()))
    }

    /// A call of a service in JSON by the function `publish`.
    async fn call(&self, target: &str, body: &str) -> io::Result<(String, String)> {
        let head = format!("POST / HTTP/1.1\r\nx-amz-target: {target}\r\n{SIGNED}");
        self.send(&head, body).await
    }

    async fn get_folder(&self) -> io::Result<(String, String)> {
        let input = json!({"repositoryName": "demo", "folderPath": "bin", "commitSpecifier": self.repo.commit});
        let target = "CodeCommit_20150413.GetFolder";
        self.call(target, &input.to_string()).await
    }

    async fn start_build(&self) -> io::Result<(String, String)> {
        let target = "CodeBuild_20161006.StartBuild";
        self.call(target, START_BUILD).await
    }

    /// Puts one fault alone in force.
    fn fault(&self, action: Action) {
        self.aws.faults.clear();
        self.aws.faults.add(Rule::new(action));
    }

    /// Calls that reached CodeBuild.
    fn served(&self) -> usize {
        self.aws.codebuild.builds().len()
    }
}

#[tokio::test]
async fn a_call_is_answered_in_its_protocol_and_recorded() {
    let local = local().await;
    let (head, body) = local.get_folder().await.unwrap();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: application/x-amz-json-1.1"));
    assert!(head.contains("x-amzn-requestid: "), "{head}");
    let queue = r#"{"QueueName":"none"}"#;
    let (head, refusal) = local.call("AmazonSQS.GetQueueUrl", queue).await.unwrap();
    assert!(head.starts_with("http/1.1 400"), "{head}");
    // SDKs take SQS's codes from this header, and JSON 1.0 is what SQS speaks.
    assert!(head.contains("x-amzn-query-error: aws.simplequeueservice.nonexistentqueue;sender"));
    assert!(head.contains("content-type: application/x-amz-json-1.0"));
    let expected =
        r#"{"__type":"QueueDoesNotExist","message":"The specified queue does not exist."}"#;
    assert_eq!(refusal, expected);
    let get_object =
        format!("GET /bucket/none HTTP/1.1\r\n{SIGNED}\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD");
    let (head, _) = local.send(&get_object, "").await.unwrap();
    assert!(head.starts_with("http/1.1 404"), "{head}");
    assert!(head.contains("x-amz-request-id"), "{head}");

    let calls = local.aws.calls.list();
    let call = &calls[0];
    assert_eq!(call.attempt, 2);
    assert_eq!((call.detail.as_str(), call.status), ("demo:bin", Some(200)));
    assert_eq!(call.access_key_id.as_deref(), Some("LOCALFUNCTIONPUB0001"));
    assert_eq!(call.region.as_deref(), Some("eu-west-1"));
    assert!(call.request_bytes > 44);
    assert_eq!(call.response_bytes, body.len() as u64);
    let object = (calls[2].operation.as_str(), calls[2].detail.as_str());
    assert_eq!(object, ("GetObject", "bucket/none"));
    let errors: Vec<_> = calls
        .iter()
        .filter_map(|call| call.error.as_deref())
        .collect();
    assert_eq!(errors, ["QueueDoesNotExist", "NoSuchKey"]);
}

#[tokio::test]
async fn what_is_not_json_not_signed_or_for_another_service_is_refused() {
    let local = local().await;
    let (_, body) = local.call("AmazonSQS.GetQueueUrl", "{").await.unwrap();
    assert!(body.contains("SerializationException"), "{body}");
    let (head, body) = local.call("DynamoDB_20120810.GetItem", "{}").await.unwrap();
    assert!(head.starts_with("http/1.1 400"), "{head}");
    assert!(
        body.contains("does not have the operation DynamoDB"),
        "{body}"
    );
    let put = "PUT /bucket/key HTTP/1.1";
    let chunked = format!("{put}\r\nauthorization: x\r\nx-amz-decoded-content-length: 4");
    let of = |digest: String| format!("{put}\r\n{SIGNED}\r\nx-amz-content-sha256: {digest}");
    let of_body = hex::encode(Sha256::digest("body"));
    for (head, status, code) in [
        (put, 403, Some("AccessDenied")),
        (&chunked, 501, Some("NotImplemented")),
        (&of("0".repeat(64)), 400, Some("XAmzContentSHA256Mismatch")),
        (&of("UNSIGNED-PAYLOAD".to_owned()), 200, None),
        (&of(of_body), 200, None),
    ] {
        let (head, body) = local.send(head, "body").await.unwrap();
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
        let said = body.split("<Code>").nth(1);
        assert_eq!(said.and_then(|said| said.split('<').next()), code, "{body}");
    }
}

#[tokio::test]
async fn a_call_under_an_assumed_role_is_the_functions_own() {
    let local = local().await;
    let form = "POST / HTTP/1.1\r\ncontent-type: application/x-www-form-urlencoded\r\n";
    let role = "arn:aws:iam::111111111111:role/reader";
    let assume = format!("Action=AssumeRole&RoleArn={role}&RoleSessionName=pushbuild");
    let (_, answer) = local
        .send(&format!("{form}{SIGNED}"), &assume)
        .await
        .unwrap();
    let (_, id) = answer.split_once("<AccessKeyId>").unwrap();
    let reset = Rule::new(Action::ResetBefore).by_function();
    let reset = local.aws.faults.add(reset);
    let assumed = SIGNED.replace("LOCALFUNCTIONPUB0001", &id[..20]);
    let head = "POST / HTTP/1.1\r\nx-amz-target: AmazonSQS.GetQueueUrl\r\n";
    let cut = local.send(&format!("{head}{assumed}"), "{}").await;
    cut.unwrap_err();
    assert_eq!(local.aws.faults.fired(reset).unwrap().fired, 1);
    assert_eq!(local.aws.calls.list()[1].role.as_deref(), Some(role));
}

#[tokio::test]
async fn a_throttle_comes_in_each_shape() {
    let local = local().await;
    let xml = "\r\n\r\n<ThrottlingException>\n  <Message>Rate exceeded</Message>";
    for (shape, status, code) in [
        (Shape::Xml, 400, xml),
        (Shape::Json, 400, "\"ThrottlingException\""),
        (Shape::TooManyRequests, 429, "\"TooManyRequestsException\""),
        (Shape::SlowDown, 503, "<Code>SlowDown</Code>"),
    ] {
        local.fault(Action::Throttle { shape });
        let answer = if shape == Shape::SlowDown {
            local.send("GET /bucket/key HTTP/1.1", "").await
        } else {
            local.start_build().await
        };
        let (head, body) = answer.unwrap();
        assert!(head.starts_with(&format!("http/1.1 {status}")), "{head}");
        let answer = format!("{head}\r\n\r\n{body}");
        assert!(answer.contains(code), "{answer}");
        // As seen on the real service: 80 bytes, of no type.
        assert_eq!(shape == Shape::Xml, body.len() == 80, "{body}");
        assert_eq!(shape == Shape::Xml, !head.contains("content-type"));
    }
    assert_eq!(local.served(), 0, "no throttled call reaches its service");
}

#[tokio::test]
async fn a_call_is_cut_before_it_takes_effect_or_after() {
    let local = local().await;
    for (action, served) in [
        (Action::ResetBefore, 0),
        (Action::ResetAfter, 1),
        (Action::KillBefore, 1),
        (Action::KillAfter, 2),
    ] {
        local.fault(action.clone());
        let error = local.start_build().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(local.served(), served, "{action:?}");
        let call = local.aws.calls.list().pop().unwrap();
        assert_eq!(
            (call.status, call.faults),
            (None, vec![format!("{action:?}")])
        );
    }
}

#[tokio::test]
async fn a_truncated_body_ends_early_and_a_stalled_one_not_at_all() {
    let local = local().await;
    let whole = local.get_folder().await.unwrap().1.len();
    let stalled = Action::Stall {
        after_bytes: 5,
        ms: 400,
    };
    for (action, sent, silence) in [(Action::Truncate, whole / 2, 0), (stalled, 5, 400)] {
        local.fault(action);
        let started = Instant::now();
        let (head, body) = local.get_folder().await.unwrap();
        assert!(started.elapsed() >= Duration::from_millis(silence));
        assert_eq!(body.len(), sent);
        assert!(head.contains(&format!("content-length: {whole}")), "{head}");
    }
}

#[tokio::test]
async fn a_wrong_answer_fires_only_where_there_is_something_to_change() {
    let local = local().await;
    let drop_entry = |name: &str| {
        let name = name.to_owned();
        let rule = Rule::new(Action::DropEntry { name }).times(1);
        local.aws.faults.add(rule)
    };
    let (absent, dropped) = (drop_entry("none"), drop_entry("run"));
    let entry = r#""relativePath":"run""#;
    assert!(!local.get_folder().await.unwrap().1.contains(entry));
    assert!(local.get_folder().await.unwrap().1.contains(entry));
    assert_eq!(local.aws.faults.fired(absent).unwrap().fired, 0);
    assert_eq!(local.aws.faults.fired(dropped).unwrap().fired, 1);

    let name = "run".to_owned();
    local.fault(Action::GarbleName { name });
    let (_, garbled) = local.get_folder().await.unwrap();
    assert!(garbled.contains("bin/ru\u{fffd}"), "{garbled}");
    local.fault(Action::FlipBit);
    let blob = local.repo.id("main:README.md");
    let blob = json!({"repositoryName": "demo", "blobId": blob}).to_string();
    let (_, flipped) = local
        .call("CodeCommit_20150413.GetBlob", &blob)
        .await
        .unwrap();
    // "# demo\n", in which the "e" is an "m".
    assert_eq!(flipped, r#"{"content":"IyBkbW1vCg=="}"#);
}

#[tokio::test]
async fn entries_of_a_batch_fail_and_the_others_reach_the_service() {
    let local = local().await;
    let sqs = &local.aws.sqs;
    let url = sqs.create_queue("q.fifo", QueueOptions::default());
    let fail = |entry| {
        let fail = Rule::new(Action::FailEntry { entry });
        local.aws.faults.add(fail.times(1))
    };
    let beyond = fail(3);
    fail(2);
    let entry = |id: &str| json!({"Id": id, "MessageBody": id, "MessageGroupId": id});
    let batch = json!({"QueueUrl": url, "Entries": [entry("a"), entry("b")]}).to_string();
    for (failed, arrived) in [(json!("b"), 1), (Value::Null, 2)] {
        let (head, body) = local
            .call("AmazonSQS.SendMessageBatch", &batch)
            .await
            .unwrap();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer["Failed"][0]["Id"], failed);
        let code = failed.as_str().map(|_| "InternalError");
        assert_eq!(answer["Failed"][0]["Code"].as_str(), code);
        assert_eq!(sqs.messages(&url).len(), arrived);
    }
    assert_eq!(local.aws.faults.fired(beyond).unwrap().fired, 0);
}
