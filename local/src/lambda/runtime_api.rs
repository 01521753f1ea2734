//! The Lambda Runtime API of one execution environment.
//!
//! Source: "Using the Lambda runtime API for custom runtimes", version 2018-06-01: `next`,
//! `response`, `error`, `init/error`.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::wire::accept;

/// An invocation, waiting for the function to ask for it.
pub(super) struct Due {
    pub(super) request_id: String,
    /// When it will have timed out, in real milliseconds since the Unix epoch.
    pub(super) deadline_ms: u128,
    pub(super) payload: Bytes,
    pub(super) reply: oneshot::Sender<Reply>,
}

/// What the function says about an invocation.
#[derive(Debug)]
pub(super) enum Reply {
    Response(Bytes),
    Error(Value),
}

/// How far the function's process has come.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    Starting,
    /// It has asked for its first invocation.
    Ready,
    /// It has said why it cannot start.
    Failed(Value),
}

/// The API's port, open until dropped.
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    pub(super) phase: watch::Receiver<Phase>,
    due: mpsc::UnboundedSender<Due>,
    accepting: JoinHandle<()>,
}

struct Shared {
    function_arn: String,
    due: tokio::sync::Mutex<mpsc::UnboundedReceiver<Due>>,
    current: Mutex<Option<(String, oneshot::Sender<Reply>)>>,
    phase: watch::Sender<Phase>,
}

impl RuntimeApi {
    pub(super) async fn open(function_arn: String) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (due, waiting) = mpsc::unbounded_channel();
        let (phase, watched) = watch::channel(Phase::Starting);
        let current = Mutex::default();
        let due_of = tokio::sync::Mutex::new(waiting);
        let shared = Arc::new(Shared {
            function_arn,
            due: due_of,
            current,
            phase,
        });
        let accepting = tokio::spawn(accept(listener, move |stream| {
            connection(stream, shared.clone())
        }));
        Ok(Self {
            address,
            phase: watched,
            due,
            accepting,
        })
    }

    /// Hands an invocation to the function's next `next`.
    pub(super) fn push(&self, due: Due) {
        // The receiver lives as long as the port.
        let _ = self.due.send(due);
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(shared.serve(request).await) }
    });
    // As Lambda writes them: the names are told apart by case in some clients' maps.
    let mut server = hyper::server::conn::http1::Builder::new();
    // A process that dies leaves its connections in any state.
    let _ = server
        .title_case_headers(true)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Shared {
    async fn serve(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let path: Vec<_> = parts.uri.path().split('/').skip(1).collect();
        let ["2018-06-01", "runtime", call @ ..] = &path[..] else {
            return answer(404, &no_such_path());
        };
        if (&parts.method, call) == (&Method::GET, &["invocation", "next"]) {
            return self.next().await;
        }
        let body = body
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes);
        let body = body.unwrap_or_default();
        match (&parts.method, call) {
            (&Method::POST, ["init", "error"]) => {
                self.phase.send_replace(Phase::Failed(error_of(&body)));
                accepted()
            }
            (&Method::POST, ["invocation", id, "response"]) => {
                self.reply(id, Reply::Response(body))
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                self.reply(id, Reply::Error(error_of(&body)))
            }
            _ => answer(404, &no_such_path()),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        self.phase.send_replace(Phase::Ready);
        let Some(due) = self.due.lock().await.recv().await else {
            let error =
                json!({"errorType": "ShuttingDown", "errorMessage": "the environment ends"});
            return answer(410, &error);
        };
        let id = due.request_id;
        let invocation = Response::builder()
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &id)
            .header("Lambda-Runtime-Deadline-Ms", due.deadline_ms.to_string())
            .header("Lambda-Runtime-Invoked-Function-Arn", &self.function_arn)
            .header("Lambda-Runtime-Trace-Id", trace_id(&id))
            .body(Full::new(due.payload));
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        *current = Some((id, due.reply));
        invocation.unwrap_or_else(|error| answer(500, &json!({"errorMessage": error.to_string()})))
    }

    fn reply(&self, id: &str, reply: Reply) -> Response<Full<Bytes>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current.take_if(|(current, _)| current == id) {
            Some((_, sender)) => {
                // Nobody waits any more once it has timed out.
                let _ = sender.send(reply);
                accepted()
            }
            None => answer(
                400,
                &json!({"errorType": "InvalidRequestID", "errorMessage": "Invalid request ID"}),
            ),
        }
    }
}

fn accepted() -> Response<Full<Bytes>> {
    answer(202, &json!({"status": "OK"}))
}

fn no_such_path() -> Value {
    json!({"errorType": "NotFound", "errorMessage": "no such path in the Runtime API"})
}

fn answer(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status.try_into().unwrap_or_default();
    response
}

fn error_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(
        |_| json!({"errorType": "Runtime.Unknown", "errorMessage": String::from_utf8_lossy(body)}),
    )
}

/// An X-Ray header, unsampled, made from the request id so that it is a function of it.
fn trace_id(request_id: &str) -> String {
    let hex: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let (time, rest) = hex.split_at(hex.len().min(8));
    format!("Root=1-{time}-{rest:0<24.24};Parent={rest:0<16.16};Sampled=0")
}
