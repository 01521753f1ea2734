//! The one HTTP port of the local AWS, as every SDK's endpoint.
//!
//! A request is told apart by its protocol ([`target`]), recorded ([`crate::calls`]), troubled by
//! the faults in force ([`crate::faults`]), and handed to its service. Signatures are not checked:
//! any credentials will do, and the access key id only says in the call log who called.
//!
//! - [`serve`]: one request from arrival to answer
//! - [`asked`], [`target`], [`s3_operation`], [`path_style`], [`caller`]: what a request is about, and whose
//! - [`answer`], [`body`]: how each protocol answers
//! - [`faulty`], [`connection`]: faults carried out, down to the reset of a connection

mod answer;
mod asked;
mod body;
mod caller;
mod connection;
mod faulty;
mod path_style;
mod s3_operation;
mod serve;
mod target;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
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

pub(crate) use connection::{Connection, ResetSwitch};

use crate::calls::{CallLog, Service};
use crate::error::ServiceError;
use crate::faults::Faults;
use serve::Front;

/// A JSON service: operation and input to output.
pub type JsonRoute =
    Arc<dyn Fn(String, Value) -> BoxFuture<'static, Result<Value, ServiceError>> + Send + Sync>;

/// A Query service: a form, and the access key id of who sent it, to XML.
pub type QueryRoute = Arc<
    dyn Fn(
            Vec<(String, String)>,
            Option<String>,
        ) -> BoxFuture<'static, Result<String, ServiceError>>
        + Send
        + Sync,
>;

/// S3: request to response.
pub type S3Route =
    Arc<dyn Fn(Request<s3s::Body>) -> BoxFuture<'static, Response<s3s::Body>> + Send + Sync>;

/// The services behind the port.
#[derive(Clone, Default)]
pub struct Routes {
    /// Those that speak JSON (and CBOR).
    pub json: BTreeMap<Service, JsonRoute>,
    /// STS.
    pub query: Option<QueryRoute>,
    /// S3, which gets every request that is for nobody else.
    pub s3: Option<S3Route>,
}

/// The port, open until dropped.
pub struct Wire {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Wire {
    /// Opens the port on loopback; 0 takes any that is free.
    ///
    /// # Errors
    /// When the port is taken.
    pub async fn open(port: u16) -> io::Result<Unserved> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        Ok(Unserved {
            address: listener.local_addr()?,
            listener,
        })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // The connections' tasks end with it: they are in a set that it owns.
        self.accepting.abort();
    }
}

/// A port that is open and known, before there are services behind it: some of them put its
/// address into their answers.
pub struct Unserved {
    address: SocketAddr,
    listener: TcpListener,
}

impl Unserved {
    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Puts the services behind the port.
    pub fn serve(self, routes: Routes, calls: CallLog, faults: Faults) -> Wire {
        let front = Arc::new(Front {
            routes,
            calls,
            faults,
            assumed: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(self.listener, move |stream| {
            connection(stream, front.clone())
        }));
        Wire {
            address: self.address,
            accepting,
        }
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
    let reset = ResetSwitch::default();
    let _ = stream.set_nodelay(true);
    let io = TokioIo::new(Connection::new(stream, reset.clone()));
    let service = service_fn(move |request: Request<Incoming>| {
        let (front, reset) = (front.clone(), reset.clone());
        async move {
            // A task of its own: what the client sent takes effect even if it leaves at once.
            let answer = tokio::spawn(front.serve(request)).await;
            answer.ok().flatten().ok_or_else(|| {
                reset.turn_on();
                Cut
            })
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(io, service)
        .await as Result<(), hyper::Error>;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection ended early");
    }
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
