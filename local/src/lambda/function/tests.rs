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
    let header = |name: &str| answer["headers"][name].as_str().unwrap().to_owned();
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.unwrap().as_millis();
    let deadline: u128 = header("Lambda-Runtime-Deadline-Ms").parse().unwrap();
    assert!((now..=now + 30_000).contains(&deadline));
    assert_eq!(
        header("Lambda-Runtime-Invoked-Function-Arn"),
        "arn:aws:lambda:eu-west-1:000000000000:function:pushbuild"
    );
    assert!(header("Lambda-Runtime-Trace-Id").starts_with("Root=1-"));
    let env = &answer["env"];
    assert_eq!(env["AWS_LAMBDA_FUNCTION_NAME"], "pushbuild");
    assert_eq!(
        (&env["CODE_BUCKET"], &env["_HANDLER"]),
        (&json!("bundles"), &json!("publish"))
    );
    let key = env["AWS_ACCESS_KEY_ID"].as_str().unwrap();
    assert!(key.starts_with("LOCALFUNCTIONPUB"), "{key}");
    // The environment starts out empty.
    assert_eq!(env.get("CARGO_MANIFEST_DIR"), None);
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
    let missing = FunctionOptions::new("/no/such/bootstrap");
    let init = |how| toy_options(&[("TOY_INIT", how)], Duration::from_secs(5));
    for (options, why, how) in [
        (init("error"), "CODE_BUCKET is not set", "exit status: 1"),
        (init("exit"), "no such variable", "exit status: 3"),
        (missing, "/no/such/bootstrap", "None"),
    ] {
        let function = Function::new(options, FunctionLog::new(false));
        let ended = function.invoke("{}").await;
        assert!(matches!(ended, Invocation::InitError { .. }), "{ended:?}");
        let ended = format!("{ended:?}");
        assert!(ended.contains(why) && ended.contains(how), "{ended}");
    }
}

#[tokio::test]
async fn an_answer_to_another_request_is_refused() {
    let function = toy(&[], Duration::from_secs(30));
    let answer = function.invoke(r#"{"do":"wrong id"}"#).await;
    assert_eq!(answer, Invocation::Answer(r#"{"status": 400}"#.into()));
}
