//! The one HTTP port of the local AWS, as every SDK's endpoint.
//!
//! A request is parsed ([`request`]), met by the active faults ([`crate::faults`]), answered by its
//! service, and recorded ([`crate::calls`]). Signatures are not checked: any credentials will do,
//! and the access key id only says in the call log who called.
//!
//! - [`serve`]: one request from arrival to answer
//! - [`request`], [`s3_operation`], [`caller`]: what a request is about, and who sent it
//! - [`answer`], [`body`]: how each protocol answers
//! - [`active_faults`]: faults carried out

mod active_faults;
mod answer;
mod body;
mod caller;
mod request;
mod s3_operation;
mod serve;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::calls::{CallLog, Service};
use crate::error::ServiceError;
use crate::faults::Faults;
use serve::Front;

/// A JSON service: operation and input to output.
pub type JsonRoute =
    Arc<dyn Fn(String, Value) -> BoxFuture<'static, Result<Value, ServiceError>> + Send + Sync>;

/// STS: a form to the answer's XML.
pub type StsRoute =
    Arc<dyn Fn(Vec<(String, String)>) -> Result<String, ServiceError> + Send + Sync>;

/// S3: request to response.
pub type S3Route =
    Arc<dyn Fn(Request<s3s::Body>) -> BoxFuture<'static, Response<s3s::Body>> + Send + Sync>;

/// The services behind the port.
#[derive(Clone)]
pub struct Routes {
    pub json: BTreeMap<Service, JsonRoute>,
    pub sts: StsRoute,
    /// S3, which gets every request that is for no other service.
    pub s3: S3Route,
}

/// The port, open until dropped.
pub struct Wire {
    accepting: JoinHandle<()>,
}

impl Wire {
    /// Puts the services behind a port that is open already: some put its address into answers.
    pub fn serve(listener: TcpListener, routes: Routes, calls: CallLog, faults: Faults) -> Self {
        let front = Arc::new(Front {
            routes,
            calls,
            faults,
            sessions: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, move |stream| {
            connection(stream, front.clone())
        }));
        Self { accepting }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // The connections' tasks end with it: they are in a set that it owns.
        self.accepting.abort();
    }
}

/// Accepts connections for ever, and drops them when it is dropped.
pub(crate) async fn accept<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = tokio::task::JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream));
            }
            // Out of file descriptors, say: what is open may close soon.
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, front: Arc<Front>) {
    let _ = stream.set_nodelay(true);
    let Ok((stream, twin)) = with_twin(stream) else {
        return;
    };
    let service = service_fn(|request: Request<Incoming>| {
        let front = front.clone();
        let twin = &twin;
        async move {
            // A task of its own: what the client sent takes effect even if it leaves at once.
            let answer = tokio::spawn(front.serve(request)).await;
            answer.ok().flatten().ok_or_else(|| {
                // Closing a socket whose linger time is zero discards what was not sent, and ends
                // the connection with RST instead of FIN: a process that dies does not say goodbye.
                let _ = twin.set_zero_linger();
                Cut
            })
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// A second handle of a socket, since hyper takes the first. The connection ends with the last one.
fn with_twin(stream: TcpStream) -> io::Result<(TcpStream, TcpStream)> {
    let stream = stream.into_std()?;
    let twin = TcpStream::from_std(stream.try_clone()?)?;
    Ok((TcpStream::from_std(stream)?, twin))
}

/// Tells hyper to drop a connection without an answer.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("cut by a fault")
    }
}

impl std::error::Error for Cut {}

#[cfg(test)]
mod tests;
