//! Bounds what CodeCommit's answers take of memory. It answers in one piece however large that is,
//! so a large answer's body stays in the network until there is memory for it.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

use crate::memory::{Reservation, SMALL};

/// The largest file that GetFile and GetBlob return, in bytes: `FileContent` of CodeCommit's
/// service model, and "6 MB" at
/// <https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html>.
pub const LARGEST_FILE: u64 = 6_291_456;

/// A content is in memory three times: in the pieces that arrive, in one piece, and decoded.
const COPIES: usize = 3;

/// The longest list in bytes. An entry takes some 250 of them, so this is one folder of more than
/// 60,000 entries; the Linux kernel's largest has fewer than 3,000.
const LARGEST_LIST: u64 = 16 * 1024 * 1024;

/// Lists longer than this are read one after the other.
const SMALL_LIST: u64 = 512 * 1024;

/// Time to read a body once it is admitted: an 8 MB answer at 300 KB/s. The SDK's stalled-stream
/// protection, on by default, ends one that stands still long before.
const READ_TIME: Duration = Duration::from_secs(30);

/// What a call's answer holds, and so which bound it has.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// A few hundred bytes.
    Short,
    /// A list as long as the repository's author likes.
    List(ListAdmission),
    /// A file's content, which takes memory from this reservation.
    Content(Arc<Reservation>),
}

/// Lets in one long list at a time. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct ListAdmission(Arc<Semaphore>);

impl Default for ListAdmission {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// The list is longer than [`LARGEST_LIST`].
#[derive(Debug)]
pub(in crate::aws) struct TooLong;

impl TooLong {
    /// Whether this is why a call failed.
    pub(in crate::aws) fn is_cause_of(error: &(dyn StdError + 'static)) -> bool {
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
        write!(out, "the list is longer than {LARGEST_LIST} bytes")
    }
}

impl StdError for TooLong {}

impl Answer {
    /// Puts the body of an answer behind its bound, where it needs one.
    pub(super) fn admit(&self, body: &mut SdkBody) -> Result<(), TooLong> {
        // HTTP ends a body where its announced length does.
        let announced = body.content_length();
        let (wait, most): (Wait, _) = match self {
            Self::Short => return Ok(()),
            Self::List(_) if announced.is_some_and(|bytes| bytes > LARGEST_LIST) => {
                return Err(TooLong);
            }
            Self::List(_) if announced.is_some_and(|bytes| bytes <= SMALL_LIST) => return Ok(()),
            Self::List(ListAdmission(one)) => {
                let permit = one.clone().acquire_owned();
                (Box::pin(async { permit.await.ok() }), LARGEST_LIST)
            }
            Self::Content(reservation) => {
                // As Base64 in JSON, where the answer does not say.
                let bytes = announced.unwrap_or(LARGEST_FILE / 3 * 4);
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX / COPIES);
                if bytes <= SMALL {
                    return Ok(());
                }
                let admitted = reservation.request(bytes * COPIES);
                let wait = async {
                    // An error says that the budget is gone, and with it the reader.
                    let _ = admitted.await;
                    None
                };
                (Box::pin(wait), u64::MAX)
            }
        };
        *body = SdkBody::from_body_1_x(WaitingBody {
            wait: Some(wait),
            permit: None,
            time: None,
            left: most,
            body: std::mem::replace(body, SdkBody::taken()),
        });
        Ok(())
    }
}

type Wait = Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send + Sync>>;

/// A body that begins once it is admitted. The attempt's time begins then too: to wait for memory
/// is not the answer's fault, and may take as long as it takes.
struct WaitingBody {
    wait: Option<Wait>,
    permit: Option<OwnedSemaphorePermit>,
    time: Option<Pin<Box<Sleep>>>,
    left: u64,
    body: SdkBody,
}

impl Body for WaitingBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(wait) = &mut self.wait {
            self.permit = ready!(wait.as_mut().poll(context));
            self.wait = None;
            self.time = Some(Box::pin(sleep(READ_TIME)));
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            let time = self.time.as_mut().map(|time| time.as_mut().poll(context));
            return match time {
                Some(Poll::Ready(())) => {
                    let why = format!("the answer took longer than {READ_TIME:?}");
                    Poll::Ready(Some(Err(why.into())))
                }
                _ => Poll::Pending,
            };
        };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryBudget;

    /// An answer of so many bytes, which all lie ready.
    fn body(bytes: usize) -> SdkBody {
        SdkBody::from(vec![b'x'; bytes])
    }

    async fn read(mut body: SdkBody) -> Result<usize, BoxError> {
        let mut bytes = 0;
        while let Some(frame) =
            std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await
        {
            bytes += frame?.data_ref().map_or(0, Bytes::len);
        }
        Ok(bytes)
    }

    #[tokio::test(start_paused = true)]
    async fn a_content_waits_for_memory_as_long_as_it_takes() {
        let bundle = MemoryBudget::of(1_000_000).bundle();
        bundle.advance(0);
        let first = bundle.reservation(1);
        first.request(1_000_000).await.unwrap();
        let second = Arc::new(bundle.reservation(2));
        let mut waits = body(100_000);
        Answer::Content(second.clone()).admit(&mut waits).unwrap();
        let reading = tokio::spawn(read(waits));
        sleep(Duration::from_mins(10)).await;
        assert!(!reading.is_finished());
        drop(first);
        assert_eq!(reading.await.unwrap().unwrap(), 100_000);
    }

    #[tokio::test(start_paused = true)]
    async fn long_lists_are_read_one_after_the_other_and_short_ones_at_once() {
        let lists = ListAdmission::default();
        let other = lists.0.clone().acquire_owned().await.unwrap();
        let (mut long, mut short) = (body(600_000), body(1_000));
        for body in [&mut long, &mut short] {
            Answer::List(lists.clone()).admit(body).unwrap();
        }
        assert_eq!(read(short).await.unwrap(), 1_000);
        let reading = tokio::spawn(read(long));
        sleep(Duration::from_mins(10)).await;
        assert!(!reading.is_finished());
        drop(other);
        assert_eq!(reading.await.unwrap().unwrap(), 600_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_is_too_long_is_refused_by_its_announced_length() {
        let mut list = body(17 * 1024 * 1024);
        assert!(
            Answer::List(ListAdmission::default())
                .admit(&mut list)
                .is_err()
        );
    }
}
