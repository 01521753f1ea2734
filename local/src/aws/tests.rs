//! The whole of it: a push event through the queue to a function that calls back.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::faults::{Action, Rule};
use crate::lambda::Invocation;

struct Deployed {
    // Ended before the local AWS, which is ended before its folder.
    deployment: Deployment,
    aws: LocalAws,
    _root: tempfile::TempDir,
}

async fn deployed() -> Deployed {
    let root = tempfile::tempdir().unwrap();
    let aws = LocalAws::start(Options::new(root.path())).await.unwrap();
    let mut options = DeployOptions::new("python3");
    options.args = vec![concat!(env!("CARGO_MANIFEST_DIR"), "/src/lambda/toy.py").to_owned()];
    options.timeout = Duration::from_secs(20);
    let deployment = aws.deploy(options).unwrap();
    Deployed {
        deployment,
        aws,
        _root: root,
    }
}

/// Has the function make `times` calls.
fn calls(times: u32) -> String {
    json!({"do": "call", "times": times}).to_string()
}

#[tokio::test]
async fn an_event_goes_to_the_intake_and_a_push_to_the_function_behind_it() {
    let deployed = deployed().await;
    let deployment = &deployed.deployment;
    deployment
        .send_push("demo", "feature/x", "c0ffee", None)
        .unwrap();
    deployment.send_body("{}", "a-reference").unwrap();
    deployment.idle(Duration::from_secs(20)).await.unwrap();
    // The toy forwards nothing.
    for mapping in [deployment.intake().mapping(), deployment.mapping()] {
        let outcomes = mapping.outcomes();
        assert_eq!((outcomes.len(), outcomes[0].deleted.len()), (1, 1));
    }
    assert!(deployment.function_log().text().contains("toy starts"));
    assert!(deployment.dead_letters().is_empty());
}

#[tokio::test]
async fn a_functions_calls_are_known_by_its_key() {
    let deployed = deployed().await;
    deployed.deployment.send_body(&calls(1), "g").unwrap();
    // The toy's operation does not exist, which the toy takes as an error and dies of.
    let mut answered = deployed.aws.calls().subscribe();
    let call = tokio::time::timeout(Duration::from_mins(1), answered.recv()).await;
    let key = call.unwrap().unwrap().access_key_id.unwrap();
    assert!(key.starts_with("LOCALFUNCTIONPUB"), "{key}");
    let left = deployed.deployment.idle(Duration::ZERO).await.unwrap_err();
    assert!(left.to_string().contains("messages are left"), "{left}");
}

#[tokio::test]
async fn a_kill_ends_the_process_in_the_middle_of_its_call() {
    let deployed = deployed().await;
    for rule in [Rule::kill_before(1), Rule::kill_after(1)] {
        let id = deployed.aws.faults().add(rule);
        let ended = deployed.deployment.function().invoke(calls(1)).await;
        let Invocation::Died { status, .. } = ended else {
            panic!("{ended:?}")
        };
        assert!(status.contains('9'), "{status}");
        assert_eq!(
            deployed.aws.faults().fired(id).map(|firings| firings.fired),
            Some(1)
        );
    }
    let statuses: Vec<_> = deployed
        .aws
        .calls()
        .list()
        .iter()
        .map(|call| call.status)
        .collect();
    assert_eq!(statuses, [None, None]);
}

#[tokio::test]
async fn deploying_twice_under_one_name_or_on_a_taken_port_is_told() {
    let deployed = deployed().await;
    let mut other = DeployOptions::new("python3");
    other.max_receive_count = 7;
    let error = deployed.aws.deploy(other).err().unwrap();
    assert!(
        format!("{error:#}").contains("creating the queue"),
        "{error:#}"
    );
    let mut options = Options::new(std::env::temp_dir());
    options.port = deployed
        .aws
        .endpoint()
        .rsplit(':')
        .next()
        .and_then(|port| port.parse().ok());
    let error = LocalAws::start(options).await.err().unwrap();
    assert!(
        format!("{error:#}").contains("cannot be opened"),
        "{error:#}"
    );
}

#[tokio::test]
async fn dropping_it_closes_the_port() {
    let root = tempfile::tempdir().unwrap();
    let aws = LocalAws::start(Options::new(root.path())).await.unwrap();
    let address = aws.endpoint().replace("http://", "");
    let mut open = tokio::net::TcpStream::connect(&address).await.unwrap();
    drop(aws);
    let mut end = [0];
    let read = tokio::io::AsyncReadExt::read(&mut open, &mut end);
    let read = tokio::time::timeout(Duration::from_secs(5), read)
        .await
        .expect("the connection is closed");
    assert!(matches!(read, Ok(0) | Err(_)));
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
}

#[tokio::test]
async fn a_fault_on_one_service_leaves_the_others() {
    let deployed = deployed().await;
    deployed
        .aws
        .faults()
        .add(Rule::new(Action::ResetBefore).on(Service::S3));
    let host = deployed.aws.endpoint().replace("http://", "");
    let queues = "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.0\r\n\
                  x-amz-target: AmazonSQS.GetQueueUrl\r\ncontent-length: 37\r\n\r\n{\"QueueName\":\"pushbuild-pushes.fifo\"}";
    assert!(
        raw(&host, queues)
            .await
            .unwrap()
            .contains("pushbuild-pushes.fifo")
    );
    assert!(
        raw(&host, "GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            .await
            .is_err()
    );
}

async fn raw(host: &str, request: &str) -> std::io::Result<String> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = tokio::net::TcpStream::connect(host).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
