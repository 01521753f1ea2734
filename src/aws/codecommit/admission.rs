//! Bounds the memory of CodeCommit's answers. It answers in one piece, however large that is. So the
//! body of a large answer is not read before there is memory for it.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::body::SdkBody;
use futures_util::stream;
use http_body::Frame;
use http_body_util::{BodyExt, LengthLimitError, Limited, StreamBody};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::aws::sources;
use crate::memory::{Reservation, SMALL};

/// The largest file that GetFile and GetBlob return, in bytes: `FileContent` of CodeCommit's
/// service model, which has no figure for GetBlob, and "6 MB" at
/// <https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html>.
pub const LARGEST_FILE: u64 = 6_291_456;

/// A content is in memory three times: in the pieces that arrive, in one piece, and decoded.
const COPIES: usize = 3;

/// The longest list in bytes. An entry takes some 250 of them, so this is one folder of more than
/// 60,000 entries; the Linux kernel's largest has fewer than 3,000.
const LARGEST_LIST: usize = 16 * 1024 * 1024;

/// Lists longer than this are read one after the other.
const SMALL_LIST: u64 = 512 * 1024;

/// Time to read a body once it is admitted: an 8 MB answer at 300 KB/s. The SDK's stalled-stream
/// protection, on by default, ends one that stands still long before.
const READ_TIME: Duration = Duration::from_secs(30);

/// What a call's answer holds, which decides how its memory is bounded.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// A few hundred bytes.
    Short,
    /// A list, which may be of any length: long ones are read one after the other.
    List(Arc<Semaphore>),
    /// A file's content, which takes memory from this reservation.
    Content(Arc<Reservation>),
}

impl Answer {
    /// Has a large answer's body wait until it is admitted.
    pub(super) fn admit(&self, body: &mut SdkBody) {
        // HTTP lets no body be longer than announced.
        let announced = body.content_length();
        match self {
            Self::List(one) if announced.is_none_or(|bytes| bytes > SMALL_LIST) => {
                read_after(one.clone().acquire_owned(), LARGEST_LIST, body);
            }
            Self::Content(reservation) => {
                // Where none is announced: the largest file, in Base64.
                let bytes = announced.unwrap_or(LARGEST_FILE / 3 * 4);
                let bytes = usize::try_from(bytes).unwrap_or(usize::MAX / COPIES);
                if bytes > SMALL {
                    read_after(reservation.request(bytes * COPIES), usize::MAX, body);
                }
            }
            Self::Short | Self::List(_) => {}
        }
    }
}

/// Has a body read once it is admitted. Its time begins then, since it may wait for memory for any
/// time.
fn read_after<Admitted>(admitted: Admitted, most: usize, body: &mut SdkBody)
where
    Admitted: Future<Output: Send + Sync> + Send + Sync + 'static,
{
    let unread = std::mem::replace(body, SdkBody::taken());
    let content = async move {
        let _admitted = admitted.await;
        let read = timeout(READ_TIME, Limited::new(unread, most).collect());
        let content = read
            .await
            .map_err(|_| format!("the answer took longer than {READ_TIME:?}"))?;
        Ok::<_, BoxError>(Frame::data(content?.to_bytes()))
    };
    *body = SdkBody::from_body_1_x(StreamBody::new(stream::once(content)));
}

/// Whether a call failed because its list is longer than [`LARGEST_LIST`].
pub(in crate::aws) fn is_too_long(error: &(dyn StdError + 'static)) -> bool {
    sources(error).any(<dyn StdError>::is::<LengthLimitError>)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The admitted body of an answer of so many bytes, which have all arrived.
    fn body(answer: &Answer, bytes: usize) -> SdkBody {
        let mut body = SdkBody::from(vec![b'x'; bytes]);
        answer.admit(&mut body);
        body
    }

    async fn read(body: SdkBody) -> Result<usize, BoxError> {
        body.collect().await.map(|read| read.to_bytes().len())
    }

    #[tokio::test(start_paused = true)]
    async fn long_lists_are_read_one_after_the_other_and_short_ones_at_once() {
        let one = Arc::new(Semaphore::new(1));
        let list = Answer::List(one.clone());
        let other = one.acquire_owned().await.unwrap();
        let (long, short) = (body(&list, 600_000), body(&list, 1_000));
        assert_eq!(read(short).await.unwrap(), 1_000);
        let reading = tokio::spawn(read(long));
        tokio::time::sleep(Duration::from_mins(10)).await;
        assert!(!reading.is_finished());
        drop(other);
        assert_eq!(reading.await.unwrap().unwrap(), 600_000);
    }

    #[tokio::test]
    async fn a_list_that_is_too_long_is_not_read_to_its_end() {
        let list = Answer::List(Arc::new(Semaphore::new(1)));
        let error = read(body(&list, 17 * 1024 * 1024)).await.unwrap_err();
        assert!(is_too_long(&*error), "{error:?}");
    }
}
