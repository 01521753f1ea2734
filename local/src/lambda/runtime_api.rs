//! The Lambda Runtime API of one execution environment.
//!
//! Source: "Using the Lambda runtime API for custom runtimes", version 2018-06-01: `next`,
//! `response`, `error`, `init/error`.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use answer::{accepted, invocation, refusal};

use crate::wire::accept;

mod answer;

/// The largest answer of a function: 6 MB and a little, as documented for synchronous invocations.
const LARGEST_ANSWER: usize = 6_291_556;

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
        let path = request.uri().path().to_owned();
        let Some(path) = path.strip_prefix("/2018-06-01/runtime/") else {
            return refusal(
                StatusCode::NOT_FOUND,
                "NotFound",
                "no such path in the Runtime API",
            );
        };
        let parts: Vec<_> = path.split('/').collect();
        match (request.method(), &parts[..]) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["init", "error"]) => match body(request).await {
                Ok(body) => {
                    self.phase.send_replace(Phase::Failed(error_of(&body)));
                    accepted()
                }
                Err(refused) => refused,
            },
            (&Method::POST, ["invocation", id, "response"]) => {
                let body = body(request).await;
                self.reply(id, body.map(Reply::Response))
            }
            (&Method::POST, ["invocation", id, "error"]) => {
                let body = body(request).await;
                self.reply(id, body.map(|body| Reply::Error(error_of(&body))))
            }
            _ => refusal(
                StatusCode::NOT_FOUND,
                "NotFound",
                "no such path in the Runtime API",
            ),
        }
    }

    async fn next(&self) -> Response<Full<Bytes>> {
        self.phase.send_replace(Phase::Ready);
        let Some(due) = self.due.lock().await.recv().await else {
            return refusal(
                StatusCode::GONE,
                "ShuttingDown",
                "the execution environment is shutting down",
            );
        };
        let answer = invocation(
            &due.request_id,
            due.deadline_ms,
            &self.function_arn,
            due.payload,
        );
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((due.request_id, due.reply));
        answer
    }

    fn reply(
        &self,
        id: &str,
        reply: Result<Reply, Response<Full<Bytes>>>,
    ) -> Response<Full<Bytes>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.as_ref().is_none_or(|(current, _)| current != id) {
            return refusal(
                StatusCode::BAD_REQUEST,
                "InvalidRequestID",
                "Invalid request ID",
            );
        }
        match (reply, current.take()) {
            (Ok(reply), Some((_, sender))) => {
                // Nobody waits any more once it has timed out.
                let _ = sender.send(reply);
                accepted()
            }
            (Err(refused), Some((_, sender))) => {
                let message = format!("the answer is over {LARGEST_ANSWER} bytes");
                let error =
                    json!({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message});
                let _ = sender.send(Reply::Error(error));
                refused
            }
            (_, None) => accepted(),
        }
    }
}

async fn body(request: Request<Incoming>) -> Result<Bytes, Response<Full<Bytes>>> {
    let body = Limited::new(request.into_body(), LARGEST_ANSWER)
        .collect()
        .await;
    body.map(http_body_util::Collected::to_bytes)
        .map_err(|error| {
            refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestEntityTooLarge",
                &error.to_string(),
            )
        })
}

fn error_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_else(
        |_| json!({"errorType": "Runtime.Unknown", "errorMessage": String::from_utf8_lossy(body)}),
    )
}
