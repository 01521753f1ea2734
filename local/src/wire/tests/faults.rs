//! Raw HTTP against a port with faults: what the SDKs choke on.

use std::time::{Duration, Instant};

use super::*;
use crate::faults::Shape;

#[tokio::test]
async fn a_throttle_comes_in_each_shape() {
    let local = local().await;
    let (head, body) = local
        .one_fault(Action::Throttle { shape: Shape::Xml })
        .await
        .unwrap();
    assert!(
        head.starts_with("http/1.1 400") && !head.contains("content-type"),
        "{head}"
    );
    assert_eq!(body.len(), 80, "as seen on the real service");
    assert!(
        body.starts_with("<ThrottlingException>\n  <Message>Rate exceeded</Message>"),
        "{body}"
    );
    let (head, body) = local
        .one_fault(Action::Throttle { shape: Shape::Json })
        .await
        .unwrap();
    assert!(
        head.starts_with("http/1.1 400") && body.contains("\"ThrottlingException\""),
        "{head} {body}"
    );
    let (head, _) = local
        .one_fault(Action::Throttle {
            shape: Shape::TooManyRequests,
        })
        .await
        .unwrap();
    assert!(head.starts_with("http/1.1 429"), "{head}");
    local.faults.clear();
    local.faults.add(
        Rule::new(Action::Throttle {
            shape: Shape::SlowDown,
        })
        .on(Service::S3),
    );
    let (head, body) = local.send("GET /bucket/key HTTP/1.1", "").await.unwrap();
    assert!(
        head.starts_with("http/1.1 503") && body.contains("<Code>SlowDown</Code>"),
        "{head} {body}"
    );
    assert_eq!(
        local.served.load(Ordering::SeqCst),
        0,
        "no throttled call reaches its service"
    );
}

#[tokio::test]
async fn a_reset_before_keeps_the_call_from_its_service_and_one_after_does_not() {
    let local = local().await;
    for (action, served) in [(Action::ResetBefore, 0), (Action::ResetAfter, 1)] {
        let error = local.one_fault(action).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(local.served.load(Ordering::SeqCst), served);
    }
    let calls = local.calls.list();
    assert_eq!(
        (calls[1].status, calls[1].faults.as_slice()),
        (None, &["ResetAfter".to_owned()][..])
    );
}

#[tokio::test]
async fn a_truncated_body_ends_early_and_a_stalled_one_not_at_all() {
    let local = local().await;
    let announced = |head: &str| -> usize {
        let (_, rest) = head.split_once("content-length: ").unwrap();
        rest.split("\r\n").next().unwrap().parse().unwrap()
    };
    let (head, body) = local
        .one_fault(Action::Truncate {
            after_bytes: Some(10),
        })
        .await
        .unwrap();
    assert_eq!(body.len(), 10);
    assert!(announced(&head) > 10, "{head}");
    let started = Instant::now();
    let (head, body) = local
        .one_fault(Action::Stall {
            after_bytes: 5,
            ms: 400,
        })
        .await
        .unwrap();
    assert!(started.elapsed() >= Duration::from_millis(400));
    assert_eq!(body.len(), 5);
    assert!(announced(&head) > 5, "{head}");
}

#[tokio::test]
async fn a_wrong_answer_fires_only_where_there_is_something_to_change() {
    let local = local().await;
    let absent = local.faults.add(
        Rule::new(Action::DropEntry {
            name: "none".into(),
        })
        .times(1),
    );
    let dropped = local
        .faults
        .add(Rule::new(Action::DropEntry { name: "a".into() }).times(1));
    let first = local.get_folder().await.unwrap().1;
    let second = local.get_folder().await.unwrap().1;
    assert!(!first.contains(r#""relativePath":"a""#) && second.contains(r#""relativePath":"a""#));
    assert_eq!(local.faults.fired(absent).unwrap().fired, 0);
    assert_eq!(local.faults.fired(dropped).unwrap().fired, 1);

    local.faults.clear();
    local
        .faults
        .add(Rule::new(Action::GarbleName { name: "b".into() }));
    assert!(local.get_folder().await.unwrap().1.contains('\u{fffd}'));
    let (_, flipped) = local.one_fault(Action::FlipBit).await.unwrap();
    assert!(flipped.contains(r#""content":"AAgA""#), "{flipped}");
    let (_, object) = local.send("GET /bucket/key HTTP/1.1", "").await.unwrap();
    assert_eq!(object, "con|ent");
}

#[tokio::test]
async fn a_kill_waits_for_the_process_and_the_caller_gets_no_answer() {
    let local = local().await;
    let killed = Arc::new(std::sync::Mutex::new(Vec::new()));
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
    assert_eq!(
        local.get_folder().await.unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
    assert_eq!(local.served.load(Ordering::SeqCst), 2);
    assert_eq!(
        local.get_folder().await.unwrap_err().kind(),
        io::ErrorKind::ConnectionReset
    );
    assert_eq!(local.served.load(Ordering::SeqCst), 3);
    local.get_folder().await.unwrap();
    assert_eq!(
        *killed.lock().unwrap(),
        vec![Some("LOCALFUNCTIONPUB0001".to_owned()); 2]
    );
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
        serde_json::from_str::<serde_json::Value>(&body).unwrap()
    };
    let beyond = fail(Some(3));
    assert_eq!(send().await.get("Failed"), None);
    assert_eq!(local.faults.fired(beyond).unwrap().fired, 0);
    fail(Some(2));
    let answer = send().await;
    assert_eq!(answer["input"]["Entries"], json!([{"Id": "a"}]));
    assert_eq!(answer["Failed"][0]["Id"], "b");
    assert_eq!(answer["Failed"][0]["Code"], "InternalError");
    assert_eq!(local.calls.list()[1].faults.len(), 1);
    assert_eq!(send().await.get("Failed"), None, "once");
    let served = local.served.load(Ordering::SeqCst);
    fail(Some(1));
    fail(Some(2));
    assert_eq!(send().await["Failed"].as_array().unwrap().len(), 2);
    assert_eq!(
        local.served.load(Ordering::SeqCst),
        served,
        "nothing is left to serve"
    );
    fail(None);
    assert_eq!(send().await["Failed"].as_array().unwrap().len(), 1, "any");
}
