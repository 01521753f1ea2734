//! From the start of the process to its first question for work, pushbuild beside a function that
//! does nothing. `cargo bench --workspace --bench start_up`; one run prints both medians.

#![allow(missing_docs, reason = "a benchmark's functions say what they measure")]

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lambda_runtime::{LambdaEvent, service_fn};

/// Starts of each, by turns.
const STARTS: usize = 100;

/// Makes this program the function that does nothing.
const HELLO: &str = "PUSHBUILD_BENCH_HELLO";

fn main() -> std::io::Result<()> {
    if std::env::var_os(HELLO).is_some() {
        return hello();
    }
    let this = std::env::current_exe()?;
    let (mut hello, mut pushbuild) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        hello.push(start(Command::new(&this), &[(HELLO, "1")])?);
        pushbuild.push(start(Command::new(env!("CARGO_BIN_EXE_pushbuild")), &[])?);
    }
    let (hello, pushbuild) = (median(hello), median(pushbuild));
    println!("median of {STARTS} starts, to the first question for work");
    println!("  lambda_runtime alone {:.1} ms", ms(hello));
    println!("  pushbuild            {:.1} ms", ms(pushbuild));
    println!("  ratio                {:.2}", ms(pushbuild) / ms(hello));
    Ok(())
}

#[tokio::main]
async fn hello() -> std::io::Result<()> {
    let nothing = service_fn(async |_: LambdaEvent<serde_json::Value>| {
        Ok::<_, lambda_runtime::Error>(serde_json::Value::Null)
    });
    lambda_runtime::run(nothing)
        .await
        .map_err(std::io::Error::other)
}

/// Starts a function and waits until it asks for work.
fn start(mut function: Command, more: &[(&str, &str)]) -> std::io::Result<Duration> {
    let api = TcpListener::bind("127.0.0.1:0")?;
    // What else is set here, certificates for instance, is nothing that Lambda sets.
    function
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", api.local_addr()?.to_string())
        .envs([
            ("AWS_LAMBDA_FUNCTION_NAME", "pushbuild"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "g"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "s"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", "any"),
            ("AWS_SECRET_ACCESS_KEY", "key"),
            ("CODE_BUCKET", "bundles"),
            ("REPOSITORIES", "*"),
        ])
        .envs(more.iter().copied())
        .stdout(Stdio::null());
    let begun = Instant::now();
    let mut process = function.spawn()?;
    let (connection, _) = api.accept()?;
    let mut asked = String::new();
    BufReader::new(connection).read_line(&mut asked)?;
    let took = begun.elapsed();
    process.kill()?;
    process.wait()?;
    assert!(
        asked.starts_with("GET ") && asked.contains("/invocation/next"),
        "it asked {asked:?}"
    );
    Ok(took)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
