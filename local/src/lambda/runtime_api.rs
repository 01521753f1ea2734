//! The Lambda Runtime API of one execution environment.
//!
//! Source: "Using the Lambda runtime API for custom runtimes", version 2018-06-01: `next`,
//! `response`, `error`. Nothing calls `init/error`: the function's process just ends.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use super::Invocation;
use crate::wire::accept;

/// An invocation, waiting for the function to ask for it.
pub(super) struct Due {
    pub(super) request_id: String,
    /// When it will have timed out, in real milliseconds since the Unix epoch.
    pub(super) deadline_ms: u64,
    pub(super) payload: Bytes,
    /// Gets the function's answer or error.
    pub(super) reply: oneshot::Sender<Invocation>,
}

/// The API's port, open until dropped.
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    /// Whether the function has asked for its first invocation.
    pub(super) is_ready: watch::Receiver<bool>,
    due: mpsc::UnboundedSender<Due>,
    _serving: JoinSet<()>,
}

struct Shared {
    function_arn: String,
    due: tokio::sync::Mutex<mpsc::UnboundedReceiver<Due>>,
    current: Mutex<Option<(String, oneshot::Sender<Invocation>)>>,
    ready: watch::Sender<bool>,
}

impl RuntimeApi {
    pub(super) async fn open(function_arn: String) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (due, waiting) = mpsc::unbounded_channel();
        let (ready, is_ready) = watch::channel(false);
        let shared = Arc::new(Shared {
            function_arn,
            due: waiting.into(),
            current: Mutex::default(),
            ready,
        });
        Ok(Self {
            address,
            is_ready,
            due,
            _serving: accept(listener, move |stream| connection(stream, shared.clone())),
        })
    }

    /// Hands an invocation to the function's next `next`.
    pub(super) fn push(&self, due: Due) {
        // The receiver lives as long as the port.
        let _ = self.due.send(due);
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(shared.serve(request).await) }
    });
    // A process that dies leaves its connections in any state.
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

impl Shared {
    async fn serve(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await;
        let body = body.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
        let path = parts.uri.path().strip_prefix("/2018-06-01/runtime/");
        let path: Vec<_> = path.unwrap_or_default().split('/').collect();
        match (parts.method.as_str(), &path[..]) {
            ("GET", ["invocation", "next"]) => self.next().await,
            ("POST", ["invocation", id, "response"]) => self.reply(id, Invocation::Answer(body)),
            ("POST", ["invocation", id, "error"]) => {
                let error = String::from_utf8_lossy(&body).into_owned();
                self.reply(id, Invocation::FunctionError(error))
            }
            _ => answer(404, &json!({"errorType": "NotFound"})),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        self.ready.send_replace(true);
        let Some(due) = self.due.lock().await.recv().await else {
            return answer(410, &json!({"errorType": "ShuttingDown"}));
        };
        let invocation = Response::builder()
            .header("Content-Type", "application/json")
            .header("Lambda-Runtime-Aws-Request-Id", &due.request_id)
            .header("Lambda-Runtime-Deadline-Ms", due.deadline_ms)
            .header("Lambda-Runtime-Invoked-Function-Arn", &self.function_arn)
            .body(Full::new(due.payload));
        *self.current.lock() = Some((due.request_id, due.reply));
        invocation.unwrap_or_else(|_| answer(500, &json!({"errorType": "NoHeader"})))
    }

    fn reply(&self, id: &str, reply: Invocation) -> Response<Full<Bytes>> {
        let current = self.current.lock().take_if(|(current, _)| current == id);
        let Some((_, sender)) = current else {
            return answer(400, &json!({"errorType": "InvalidRequestID"}));
        };
        // Nobody waits any more once it has timed out.
        let _ = sender.send(reply);
        answer(202, &json!({"status": "OK"}))
    }
}

fn answer(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status.try_into().unwrap_or_default();
    response
}
