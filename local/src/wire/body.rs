//! The bodies of answers: whole, streamed, or broken off on purpose.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

pub type AnswerBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

pub fn whole(bytes: impl Into<Bytes>) -> AnswerBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// How a body goes wrong after its first part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// Silence, until the client gives up or this time has passed; then the connection closes.
    Stall(Duration),
    Close,
}

/// The first `sent` bytes of `bytes`, announced as all of them.
pub fn broken(bytes: &Bytes, sent: usize, how: Break) -> AnswerBody {
    let silence = match how {
        Break::Stall(silence) => silence,
        // Long enough that the part goes out before the connection closes.
        Break::Close => Duration::from_millis(20),
    };
    // Announcing at least one byte more than is sent keeps an empty answer broken too.
    let announced = (bytes.len() as u64).max(sent as u64 + 1);
    let first = bytes.slice(..sent.min(bytes.len()));
    Broken {
        first: Some(first),
        announced,
        silence,
        sleep: None,
    }
    .boxed_unsync()
}

struct Broken {
    first: Option<Bytes>,
    announced: u64,
    silence: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Body for Broken {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Some(first) = self.first.take()
            && !first.is_empty()
        {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        let silence = self.silence;
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(silence)));
        sleep
            .as_mut()
            .poll(context)
            .map(|()| Some(Err("broken off by a fault".into())))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.announced)
    }
}
