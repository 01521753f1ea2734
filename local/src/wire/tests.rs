//! Raw HTTP against the port: what the SDKs take for granted, and with faults what they choke on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;
use crate::clock::Clock;
use crate::faults::{Action, Rule, Shape};

struct Local {
    _wire: Wire,
    address: std::net::SocketAddr,
    calls: CallLog,
    faults: Faults,
    /// Calls that reached CodeCommit.
    served: Arc<AtomicU64>,
}

const GET_FOLDER: &str = "POST / HTTP/1.1\r\ncontent-type: application/x-amz-json-1.1\r\n\
    x-amz-target: CodeCommit_20150413.GetFolder\r\namz-sdk-request: attempt=2; max=3\r\n\
    authorization: AWS4-HMAC-SHA256 Credential=LOCALFUNCTIONPUB0001/20260101/eu-west-1/codecommit/aws4_request";
const GET_OBJECT: &str = "GET /bucket/key HTTP/1.1";

/// CodeCommit that echoes, SQS that refuses, S3 that knows one object.
async fn local() -> Local {
    let served = Arc::new(AtomicU64::new(0));
    let count = served.clone();
    let echo: JsonRoute = Arc::new(move |_, input| {
        count.fetch_add(1, Ordering::SeqCst);
        let files = json!([{"relativePath": "a"}, {"relativePath": "b"}]);
        let answer = json!({"input": input, "files": files, "content": "AAAA"});
        Box::pin(async { Ok(answer) })
    });
    let refuse: JsonRoute = Arc::new(|_, _| {
        Box::pin(async { Err(ServiceError::new("QueueDoesNotExist", "no such queue")) })
    });
    let s3: S3Route = Arc::new(|request| {
        let (status, body) = match request.uri().path() {
            "/bucket/key" => (200, "content"),
            _ => (404, "<Error><Code>NoSuchKey</Code></Error>"),
        };
        let answer = Response::builder().status(status);
        let answer = answer.body(s3s::Body::from(body.to_owned())).unwrap();
        Box::pin(async { answer })
    });
    let routes = Routes {
        json: [(Service::CodeCommit, echo), (Service::Sqs, refuse)].into(),
        sts: Arc::new(|_| Ok("<AccessKeyId>ASSUMED</AccessKeyId>".to_owned())),
        s3,
    };
    let calls = CallLog::default();
    let faults = Faults::new(Clock::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Local {
        address: listener.local_addr().unwrap(),
        _wire: Wire::serve(listener, routes, calls.clone(), faults.clone()),
        calls,
        faults,
        served,
    }
}

impl Local {
    /// One request on a connection of its own; the error is the connection's.
    async fn send(&self, head: &str, body: &str) -> io::Result<(String, String)> {
        let mut stream = TcpStream::connect(self.address).await?;
        let length = body.len();
        let rest =
            format!("host: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
        stream
            .write_all(format!("{head}\r\n{rest}").as_bytes())
            .await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        Ok((head.to_lowercase(), body.to_owned()))
    }

    async fn get_folder(&self) -> io::Result<(String, String)> {
        let input = r#"{"repositoryName":"demo","folderPath":"src"}"#;
        self.send(GET_FOLDER, input).await
    }

    /// GetFolder with one fault alone.
    async fn one_fault(&self, action: Action) -> io::Result<(String, String)> {
        self.faults.clear();
        self.faults.add(Rule::new(action));
        self.get_folder().await
    }

    fn served(&self) -> u64 {
        self.served.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_call_is_answered_in_its_protocol_and_recorded() {
    let local = local().await;
    let (head, body) = local.get_folder().await.unwrap();
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: application/x-amz-json-1.1"));
    assert!(head.contains("x-amzn-requestid: "), "{head}");
    let json = "POST / HTTP/1.1\r\nx-amz-target: AmazonSQS.ReceiveMessage";
    let (head, refusal) = local.send(json, "{}").await.unwrap();
    assert!(head.starts_with("http/1.1 400"), "{head}");
    // SDKs take SQS's codes from this header, and JSON 1.0 is what SQS speaks.
    assert!(head.contains("x-amzn-query-error: aws.simplequeueservice.nonexistentqueue;sender"));
    assert!(head.contains("content-type: application/x-amz-json-1.0"));
    let expected = r#"{"__type":"QueueDoesNotExist","message":"no such queue"}"#;
    assert_eq!(refusal, expected);
    local.send(GET_OBJECT, "").await.unwrap();
    let (head, _) = local.send("GET /bucket/none HTTP/1.1", "").await.unwrap();
    assert!(head.starts_with("http/1.1 404"), "{head}");
    assert!(head.contains("x-amz-request-id"), "{head}");

    let calls = local.calls.list();
    let call = &calls[0];
    assert_eq!((call.number, call.attempt), (1, 2));
    assert_eq!((call.detail.as_str(), call.status), ("demo:src", Some(200)));
    assert_eq!(call.access_key_id.as_deref(), Some("LOCALFUNCTIONPUB0001"));
    assert_eq!(call.region.as_deref(), Some("eu-west-1"));
    let bytes = (call.request_bytes, call.response_bytes);
    assert_eq!(bytes, (44, body.len() as u64));
    let object = (calls[2].operation.as_str(), calls[2].detail.as_str());
    assert_eq!(object, ("GetObject", "bucket/key"));
    let errors: Vec<_> = calls
        .iter()
        .filter_map(|call| call.error.as_deref())
        .collect();
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
    let rule = Rule::new(Action::ResetBefore).by_function();
    let rule = local.faults.add(rule);
    let assumed = GET_FOLDER.replace("LOCALFUNCTIONPUB0001", "ASSUMED");
    local.send(&assumed, "{}").await.unwrap_err();
    assert_eq!(local.faults.fired(rule).unwrap().fired, 1);
}

#[tokio::test]
async fn a_throttle_comes_in_each_shape() {
    let local = local().await;
    let throttle = |shape| local.one_fault(Action::Throttle { shape });
    let (head, body) = throttle(Shape::Xml).await.unwrap();
    assert!(head.starts_with("http/1.1 400"), "{head}");
    assert!(!head.contains("content-type"), "{head}");
    assert_eq!(body.len(), 80, "as seen on the real service");
    let start = "<ThrottlingException>\n  <Message>Rate exceeded</Message>";
    assert!(body.starts_with(start), "{body}");
    let (head, body) = throttle(Shape::Json).await.unwrap();
    assert!(head.starts_with("http/1.1 400"), "{head}");
    assert!(body.contains("\"ThrottlingException\""), "{body}");
    let (head, _) = throttle(Shape::TooManyRequests).await.unwrap();
    assert!(head.starts_with("http/1.1 429"), "{head}");
    throttle(Shape::SlowDown).await.unwrap();
    let (head, body) = local.send(GET_OBJECT, "").await.unwrap();
    assert!(head.starts_with("http/1.1 503"), "{head}");
    assert!(body.contains("<Code>SlowDown</Code>"), "{body}");
    assert_eq!(local.served(), 0, "no throttled call reaches its service");
}

#[tokio::test]
async fn a_reset_before_keeps_the_call_from_its_service_and_one_after_does_not() {
    let local = local().await;
    for (action, served) in [(Action::ResetBefore, 0), (Action::ResetAfter, 1)] {
        let error = local.one_fault(action).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(local.served(), served);
    }
    let call = &local.calls.list()[1];
    assert_eq!(
        (call.status, &call.faults[..]),
        (None, &["ResetAfter".to_owned()][..])
    );
}

#[tokio::test]
async fn a_truncated_body_ends_early_and_a_stalled_one_not_at_all() {
    let local = local().await;
    let truncated = Action::Truncate {
        after_bytes: Some(10),
    };
    let stalled = Action::Stall {
        after_bytes: 5,
        ms: 400,
    };
    for (action, sent, silence) in [(truncated, 10, 0), (stalled, 5, 400)] {
        let started = Instant::now();
        let (head, body) = local.one_fault(action).await.unwrap();
        assert!(started.elapsed() >= Duration::from_millis(silence));
        assert_eq!(body.len(), sent);
        let (_, announced) = head.split_once("content-length: ").unwrap();
        let announced = announced.split("\r\n").next().unwrap();
        assert!(announced.parse::<usize>().unwrap() > sent, "{head}");
    }
}

#[tokio::test]
async fn a_wrong_answer_fires_only_where_there_is_something_to_change() {
    let local = local().await;
    let drop_entry = |name: &str| {
        let name = name.to_owned();
        let rule = Rule::new(Action::DropEntry { name }).times(1);
        local.faults.add(rule)
    };
    let (absent, dropped) = (drop_entry("none"), drop_entry("a"));
    let entry = r#""relativePath":"a""#;
    assert!(!local.get_folder().await.unwrap().1.contains(entry));
    assert!(local.get_folder().await.unwrap().1.contains(entry));
    assert_eq!(local.faults.fired(absent).unwrap().fired, 0);
    assert_eq!(local.faults.fired(dropped).unwrap().fired, 1);

    let name = "b".to_owned();
    let (_, garbled) = local.one_fault(Action::GarbleName { name }).await.unwrap();
    assert!(garbled.contains('\u{fffd}'), "{garbled}");
    let (_, flipped) = local.one_fault(Action::FlipBit).await.unwrap();
    assert!(flipped.contains(r#""content":"AAgA""#), "{flipped}");
    let (_, object) = local.send(GET_OBJECT, "").await.unwrap();
    assert_eq!(object, "con|ent");
}

#[tokio::test]
async fn a_kill_waits_for_the_process_and_the_caller_gets_no_answer() {
    let local = local().await;
    let killed = Arc::new(Mutex::new(Vec::new()));
    let log = killed.clone();
    local.faults.on_kill(Arc::new(move |id| {
        log.lock().unwrap().push(id);
        Box::pin(async { true })
    }));
    local.faults.add(Rule::kill_before(2));
    local.faults.add(Rule::kill_after(3));
    let other = GET_FOLDER.replace("LOCALFUNCTIONPUB0001", "SOMEBODY");
    local.send(&other, "{}").await.unwrap();
    local.get_folder().await.unwrap();
    for served in [2, 3] {
        let error = local.get_folder().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(local.served(), served);
    }
    local.get_folder().await.unwrap();
    let function = Some("LOCALFUNCTIONPUB0001".to_owned());
    assert_eq!(*killed.lock().unwrap(), [function.clone(), function]);
}

#[tokio::test]
async fn single_entries_of_a_batch_fail_and_the_others_reach_the_service() {
    let local = local().await;
    let fail = |entry| {
        let fail = Action::FailEntry {
            entry,
            code: "InternalError".to_owned(),
            sender_fault: false,
        };
        local.faults.add(Rule::new(fail).times(1))
    };
    let send = async || {
        let batch = r#"{"Entries":[{"Id":"a"},{"Id":"b"}]}"#;
        let (head, body) = local.send(GET_FOLDER, batch).await.unwrap();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        serde_json::from_str::<Value>(&body).unwrap()
    };
    let beyond = fail(Some(3));
    assert_eq!(send().await.get("Failed"), None);
    assert_eq!(local.faults.fired(beyond).unwrap().fired, 0);
    fail(Some(2));
    let answer = send().await;
    assert_eq!(answer["input"]["Entries"], json!([{"Id": "a"}]));
    assert_eq!(answer["Failed"][0]["Id"], "b");
    assert_eq!(answer["Failed"][0]["Code"], "InternalError");
    assert_eq!(send().await.get("Failed"), None, "once");
    let served = local.served();
    fail(Some(1));
    fail(Some(2));
    assert_eq!(send().await["Failed"].as_array().unwrap().len(), 2);
    assert_eq!(local.served(), served, "nothing is left to serve");
    fail(None);
    assert_eq!(send().await["Failed"].as_array().unwrap().len(), 1, "any");
}
