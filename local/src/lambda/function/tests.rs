//! A toy function in Python against the Runtime API.

use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;

use super::*;

fn toy(env: &[(&str, &str)], timeout: Duration) -> Function {
    Function::new(toy_options(env, timeout), FunctionLog::new(false))
}

fn toy_options(env: &[(&str, &str)], timeout: Duration) -> FunctionOptions {
    let mut options = FunctionOptions::new("python3");
    options.args = vec![concat!(env!("CARGO_MANIFEST_DIR"), "/src/lambda/toy.py").to_owned()];
    options.env = env
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    options.timeout = timeout;
    options
}

async fn echo(function: &Function) -> Value {
    match function.invoke(r#"{"do":"echo"}"#).await {
        Invocation::Answer(answer) => serde_json::from_slice(&answer).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_invocation_is_told_what_lambda_tells() {
    let function = toy(&[("CODE_BUCKET", "bundles")], Duration::from_secs(30));
    let answer = echo(&function).await;
    let headers = &answer["headers"];
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let deadline: u128 = headers["Lambda-Runtime-Deadline-Ms"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((now..=now + 30_000).contains(&deadline));
    assert_eq!(
        headers["Lambda-Runtime-Invoked-Function-Arn"],
        "arn:aws:lambda:eu-west-1:000000000000:function:pushbuild"
    );
    assert!(
        headers["Lambda-Runtime-Trace-Id"]
            .as_str()
            .unwrap()
            .starts_with("Root=1-")
    );
    let env = &answer["env"];
    assert_eq!(env["AWS_LAMBDA_FUNCTION_NAME"], "pushbuild");
    assert_eq!(env["CODE_BUCKET"], "bundles");
    assert!(
        env["AWS_ACCESS_KEY_ID"]
            .as_str()
            .unwrap()
            .starts_with("LOCALFUNCTION")
    );
    assert_eq!(
        env.get("CARGO_MANIFEST_DIR"),
        None,
        "the environment starts out empty"
    );
}

#[tokio::test]
async fn a_timeout_kills_the_process_and_the_next_invocation_starts_another() {
    let function = toy(&[], Duration::from_millis(700));
    let first = echo(&function).await["pid"].clone();
    let started = Instant::now();
    assert_eq!(
        function.invoke(r#"{"do":"sleep","s":60}"#).await,
        Invocation::TimedOut
    );
    assert!(started.elapsed() < Duration::from_secs(20));
    assert!(!std::path::Path::new(&format!("/proc/{first}")).exists());
    assert_ne!(echo(&function).await["pid"], first);
}

#[tokio::test]
async fn a_start_that_fails_says_why() {
    let reported = toy(&[("TOY_INIT", "error")], Duration::from_secs(5))
        .invoke("{}")
        .await;
    let Invocation::InitError {
        error: Some(error),
        status,
        ..
    } = reported
    else {
        panic!("{reported:?}")
    };
    assert_eq!(error["errorMessage"], "CODE_BUCKET is not set");
    assert_eq!(status.as_deref(), Some("exit status: 1"));

    let silent = toy(&[("TOY_INIT", "exit")], Duration::from_secs(5))
        .invoke("{}")
        .await;
    let Invocation::InitError {
        error: None,
        status,
        stderr,
    } = silent
    else {
        panic!("{silent:?}")
    };
    assert_eq!(status.as_deref(), Some("exit status: 3"));
    assert_eq!(stderr, ["toy starts", "no such variable"]);

    let missing = Function::new(
        FunctionOptions::new("/no/such/bootstrap"),
        FunctionLog::new(false),
    )
    .invoke("{}")
    .await;
    let Invocation::InitError {
        error: Some(error), ..
    } = missing
    else {
        panic!("{missing:?}")
    };
    assert!(
        error["errorMessage"]
            .as_str()
            .unwrap()
            .contains("/no/such/bootstrap")
    );
}

#[tokio::test]
async fn an_answer_to_another_request_is_refused() {
    let function = toy(&[], Duration::from_secs(30));
    let answer = function.invoke(r#"{"do":"wrong id"}"#).await;
    assert_eq!(answer, Invocation::Answer(r#"{"status": 400}"#.into()));
}
