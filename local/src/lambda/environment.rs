//! An execution environment: one process of a function, from start to end.

use std::io;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::Invocation;
use super::log::FunctionLog;
use super::options::{DeployOptions, Handler};
use super::runtime_api::{Due, RuntimeApi};
use crate::aws::{ACCOUNT, REGION, SECRET_ACCESS_KEY};
use crate::clock::epoch_ms;

/// How long a function may take to ask for its first invocation, before its timeout starts to
/// count, as documented for Lambda's init phase.
const INIT: Duration = Duration::from_secs(10);

/// Becomes the function's program with as many open files as Lambda gives
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>, "File descriptors").
const LIMITED: &str = "ulimit -n 1024 && exec \"$0\" \"$@\"";

/// The next environment's number: no two have the same, whatever their functions.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// One process with its Runtime API. Dropped, it is killed.
pub(super) struct Environment {
    pub(super) access_key_id: String,
    api: RuntimeApi,
    kill: mpsc::UnboundedSender<()>,
    exited: watch::Receiver<Option<String>>,
}

impl Environment {
    /// Starts the process; it is not waited for.
    pub(super) async fn start(
        handler: Handler,
        options: &DeployOptions,
        log: &FunctionLog,
    ) -> io::Result<Self> {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let name = options.name_of(handler);
        let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}");
        let api = RuntimeApi::open(arn).await?;
        let access_key_id = format!("{}{number:04}", handler.key_prefix());
        let inherited = ["PATH", "HOME", "TMPDIR"].into_iter();
        let inherited = inherited.filter_map(|name| Some((name, std::env::var_os(name)?)));
        let mut child = Command::new("sh")
            .args(["-c", LIMITED])
            .arg(&options.program)
            .args(&options.args)
            .env_clear()
            .envs(inherited)
            .envs(environment_variables(handler, options, number))
            .env("AWS_LAMBDA_RUNTIME_API", api.address.to_string())
            .env("AWS_ACCESS_KEY_ID", &access_key_id)
            .envs(&options.env)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let (out, err) = (child.stdout.take(), child.stderr.take());
        let outputs = [
            out.map(|output| log.follow(output)),
            err.map(|output| log.follow(output)),
        ];
        let (kill, mut killed) = mpsc::unbounded_channel();
        let (exit, exited) = watch::channel(None);
        tokio::spawn(async move {
            tokio::select! {
                _ = child.wait() => {}
                // Also when the environment is dropped, and with it the sender.
                _ = killed.recv() => {
                    // It may have ended by itself in this moment.
                    let _ = child.start_kill();
                }
            }
            let status = child.wait().await;
            for output in outputs.into_iter().flatten() {
                // A child of the process may hold its output open.
                let _ = tokio::time::timeout(Duration::from_millis(500), output).await;
            }
            exit.send_replace(Some(
                status.map_or_else(|error| error.to_string(), |status| status.to_string()),
            ));
        });
        Ok(Self {
            access_key_id,
            api,
            kill,
            exited,
        })
    }

    pub(super) fn is_alive(&self) -> bool {
        self.exited.borrow().is_none()
    }

    /// Sends SIGKILL, and returns when the process is gone.
    pub(super) async fn kill(&self) {
        // The process may have ended by itself.
        let _ = self.kill.send(());
        self.exit().await;
    }

    /// Runs one invocation to its end; the process is killed if it takes longer than `timeout`.
    pub(super) async fn invoke(&self, payload: Bytes, timeout: Duration) -> Invocation {
        let mut is_ready = self.api.is_ready.clone();
        let failed = tokio::select! {
            biased;
            _ = is_ready.wait_for(|is_ready| *is_ready) => None,
            status = self.exit() => Some(status),
            () = tokio::time::sleep(INIT + timeout) => Some(format!("not ready within {INIT:?}")),
        };
        if let Some(why) = failed {
            self.kill().await;
            return Invocation::Died(why);
        }
        let (reply, replied) = oneshot::channel();
        self.api.push(Due {
            request_id: Uuid::new_v4().to_string(),
            deadline_ms: epoch_ms(SystemTime::now() + timeout),
            payload,
            reply,
        });
        tokio::select! {
            biased;
            Ok(reply) = replied => reply,
            () = tokio::time::sleep(timeout) => {
                self.kill().await;
                Invocation::TimedOut
            }
            status = self.exit() => Invocation::Died(status),
        }
    }

    async fn exit(&self) -> String {
        let mut exited = self.exited.clone();
        match exited.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(status)) => status.clone(),
            _ => "unknown".to_owned(),
        }
    }
}

/// What Lambda sets. Source: "Defined runtime environment variables" in Lambda's guide.
fn environment_variables(
    handler: Handler,
    options: &DeployOptions,
    number: u64,
) -> [(&'static str, String); 16] {
    let task_root = options.program.parent().unwrap_or(&options.program);
    let name = options.name_of(handler);
    let stream = format!("local/[$LATEST]{number:032x}");
    let memory_mb = handler.memory_mb().to_string();
    [
        ("_HANDLER", handler.name().to_owned()),
        ("AWS_DEFAULT_REGION", REGION.to_owned()),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory_mb),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_FORMAT", "Text".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", stream),
        ("AWS_LAMBDA_FUNCTION_NAME", name),
        ("AWS_REGION", REGION.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ("AWS_SESSION_TOKEN", SECRET_ACCESS_KEY.to_owned()),
        ("LAMBDA_TASK_ROOT", task_root.display().to_string()),
        ("TZ", ":UTC".to_owned()),
    ]
}
