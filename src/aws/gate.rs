//! Keeps an answer's body in the network until there is room for it in memory.

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
use tokio::sync::oneshot;

use crate::room::{SMALL, Seat};

/// The largest file that GetFile and GetBlob hand out, in bytes: `FileContent` of CodeCommit's
/// service model, and "6 MB" at
/// <https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html>.
pub const LARGEST_FILE: u64 = 6_291_456;

/// An answer's body is in memory in pieces, in one piece, and as the content it stands for.
const COPIES: usize = 3;

/// Asks for room for one call's answer.
#[derive(Clone, Debug)]
pub struct Gate(pub Arc<Seat>);

impl Intercept for Gate {
    fn name(&self) -> &'static str {
        "pushbuild gate"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let announced = body
            .content_length()
            // As Base64 in JSON, where the answer does not say.
            .unwrap_or(LARGEST_FILE / 3 * 4);
        let announced = usize::try_from(announced).unwrap_or(usize::MAX / COPIES);
        if announced > SMALL {
            let gated = Gated {
                admitted: Some(self.0.ask(announced * COPIES)),
                body: std::mem::replace(body, SdkBody::taken()),
            };
            *body = SdkBody::from_body_1_x(gated);
        }
        Ok(())
    }
}

/// A body that begins once it is admitted.
struct Gated {
    admitted: Option<oneshot::Receiver<()>>,
    body: SdkBody,
}

impl Body for Gated {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(admitted) = &mut self.admitted {
            // An error says that the room is gone, and with it whoever reads.
            let _ = ready!(Pin::new(admitted).poll(context));
            self.admitted = None;
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Debug for Gated {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a body of {:?} bytes", self.body.content_length())
    }
}
