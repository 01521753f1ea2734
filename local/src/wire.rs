//! The one HTTP port of the local AWS, as every SDK's endpoint.
//!
//! A request is parsed (`request`), met by the active faults ([`crate::faults`]), answered by its
//! service, and recorded ([`crate::calls`]). Signatures are not checked: any credentials will do,
//! and the access key id only says in the call log who called.
//!
//! - `serve`: one request from arrival to answer
//! - `request`: what a request is about, and who sent it
//! - `answer`: how each protocol answers
//! - `active_faults`: faults carried out

mod active_faults;
mod answer;
mod request;
mod serve;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

pub(crate) use serve::Front;

/// Puts the services behind a port that is open already: some put its address into answers.
pub(crate) fn serve(listener: TcpListener, front: Arc<Front>) -> JoinSet<()> {
    accept(listener, move |stream| connection(stream, front.clone()))
}

/// Accepts connections until the set that it returns is dropped, and ends them then.
pub(crate) fn accept<F>(
    listener: TcpListener,
    serve: impl Fn(TcpStream) -> F + Send + 'static,
) -> JoinSet<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut accepting = JoinSet::new();
    accepting.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(serve(stream));
                }
                // Out of file descriptors, say: what is open may close soon.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
            while connections.try_join_next().is_some() {}
        }
    });
    accepting
}

async fn connection(stream: TcpStream, front: Arc<Front>) {
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
                // the connection with RST instead of FIN, as the death of a process does.
                let _ = twin.set_zero_linger();
                io::Error::from(io::ErrorKind::ConnectionReset)
            })
        }
    });
    // A client may leave at any moment.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// A second handle of a socket, since hyper takes the first. The connection ends with the last one.
fn with_twin(stream: TcpStream) -> io::Result<(TcpStream, TcpStream)> {
    let stream = stream.into_std()?;
    let twin = TcpStream::from_std(stream.try_clone()?)?;
    Ok((TcpStream::from_std(stream)?, twin))
}

#[cfg(test)]
mod tests;
