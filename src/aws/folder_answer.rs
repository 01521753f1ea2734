//! Bounds what the answers to GetFolder take of memory. CodeCommit lists a folder in one piece,
//! however long its list is, and whoever may push chooses that.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextMut;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The longest list in bytes. An entry takes some 250 of them, so that this is a single folder of
/// more than 60,000 entries; the Linux kernel's largest has fewer than 3,000.
const LARGEST: u64 = 16 * 1024 * 1024;

/// Lists longer than this are read one after the other.
const SMALL: u64 = 512 * 1024;

/// One client's bound. Clones share it.
#[derive(Clone, Debug)]
pub struct FolderAnswer(Arc<Semaphore>);

impl Default for FolderAnswer {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// The list is longer than any that is read.
#[derive(Debug)]
pub struct TooLong;

impl TooLong {
    /// Whether this is why a call failed.
    pub fn is_cause_of(error: &(dyn StdError + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(error) = next {
            if error.is::<Self>() {
                return true;
            }
            next = error.source();
        }
        false
    }
}

impl fmt::Display for TooLong {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "the list is longer than {LARGEST} bytes")
    }
}

impl StdError for TooLong {}

impl Intercept for FolderAnswer {
    fn name(&self) -> &'static str {
        "pushbuild folder answer"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let announced = body.content_length();
        if announced.is_some_and(|bytes| bytes > LARGEST) {
            return Err(TooLong.into());
        }
        // What is announced is not exceeded: HTTP ends the body there.
        if announced.is_none_or(|bytes| bytes > SMALL) {
            let bounded = Bounded {
                turn: Some(Box::pin(self.0.clone().acquire_owned())),
                permit: None,
                left: LARGEST,
                body: std::mem::replace(body, SdkBody::taken()),
            };
            *body = SdkBody::from_body_1_x(bounded);
        }
        Ok(())
    }
}

type Turn = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send + Sync>>;

/// A body that begins when it is its turn, and ends with an error where it is too long.
struct Bounded {
    turn: Option<Turn>,
    permit: Option<OwnedSemaphorePermit>,
    left: u64,
    body: SdkBody,
}

impl Body for Bounded {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(turn) = &mut self.turn {
            // The semaphore is never closed.
            self.permit = ready!(turn.as_mut().poll(context)).ok();
            self.turn = None;
        }
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let bytes = match &frame {
            Some(Ok(frame)) => frame.data_ref().map_or(0, |data| data.len() as u64),
            _ => 0,
        };
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => return Poll::Ready(Some(Err(TooLong.into()))),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
