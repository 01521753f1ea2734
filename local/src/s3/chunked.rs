//! The `aws-chunked` encoding of a request body: chunks with their length (and perhaps a
//! signature) before each, and trailers behind the last. The SDKs send their default checksum as
//! such a trailer.
//!
//! From "Signature calculations for the Authorization header: transferring a payload in multiple
//! chunks" and "… including trailing headers" of the S3 API reference. Signatures are not checked:
//! the local AWS takes any credentials.

use std::sync::PoisonError;

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use hyper::header::{HeaderName, HeaderValue};
use s3s::{Body, S3Error, s3_error};

use super::claims::Envelope;

/// Longer than any chunk's or trailer's line.
const LONGEST_LINE: usize = 8 << 10;

enum Next {
    Length,
    Data(usize),
    EndOfData,
    Trailer,
    End,
}

struct Decoder {
    body: Body,
    buffer: BytesMut,
    next: Next,
    /// Bytes that are still to come, where the client said how many.
    expected: Option<u64>,
    envelope: Envelope,
}

/// The bytes inside the encoding. The trailers are in `envelope` when the stream has ended.
pub fn decode(
    body: Body,
    expected: Option<u64>,
    envelope: Envelope,
) -> impl Stream<Item = Result<Bytes, S3Error>> + Send {
    let decoder = Decoder {
        body,
        buffer: BytesMut::new(),
        next: Next::Length,
        expected,
        envelope,
    };
    stream::try_unfold(decoder, |mut decoder| async move {
        let chunk = decoder.data().await?;
        Ok(chunk.map(|chunk| (chunk, decoder)))
    })
}

impl Decoder {
    async fn data(&mut self) -> Result<Option<Bytes>, S3Error> {
        loop {
            match self.next {
                Next::Length => {
                    let line = self.line().await?;
                    let digits = line.split(';').next().unwrap_or_default().trim();
                    let length = usize::from_str_radix(digits, 16).map_err(|_| malformed())?;
                    self.next = if length == 0 {
                        Next::Trailer
                    } else {
                        Next::Data(length)
                    };
                }
                Next::Data(left) => {
                    if self.buffer.is_empty() {
                        self.more().await?;
                    }
                    let chunk = self.buffer.split_to(left.min(self.buffer.len())).freeze();
                    let left = left - chunk.len();
                    self.next = if left == 0 {
                        Next::EndOfData
                    } else {
                        Next::Data(left)
                    };
                    if let Some(expected) = &mut self.expected {
                        *expected = expected
                            .checked_sub(chunk.len() as u64)
                            .ok_or_else(malformed)?;
                    }
                    return Ok(Some(chunk));
                }
                Next::EndOfData => {
                    if !self.line().await?.is_empty() {
                        return Err(malformed());
                    }
                    self.next = Next::Length;
                }
                Next::Trailer => {
                    // Without trailers, some clients end right after the last chunk's line.
                    let line = if self.buffer.is_empty() && !self.fill().await? {
                        String::new()
                    } else {
                        self.line().await?
                    };
                    if line.is_empty() {
                        self.next = Next::End;
                    } else {
                        self.trailer(&line)?;
                    }
                }
                Next::End => {
                    return match self.expected {
                        None | Some(0) => Ok(None),
                        Some(_) => Err(malformed()),
                    };
                }
            }
        }
    }

    fn trailer(&self, line: &str) -> Result<(), S3Error> {
        let (name, value) = line.split_once(':').ok_or_else(malformed)?;
        let name = HeaderName::try_from(name.trim()).map_err(|_| malformed())?;
        let value = HeaderValue::try_from(value.trim()).map_err(|_| malformed())?;
        let mut trailers = self
            .envelope
            .trailers
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        trailers.insert(name, value);
        Ok(())
    }

    async fn line(&mut self) -> Result<String, S3Error> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = self.buffer.split_to(end);
                self.buffer.advance(2);
                return String::from_utf8(line.to_vec()).map_err(|_| malformed());
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(malformed());
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), S3Error> {
        if self.fill().await? {
            Ok(())
        } else {
            Err(malformed())
        }
    }

    /// Reads on; false at the end of the body.
    async fn fill(&mut self) -> Result<bool, S3Error> {
        match self.body.next().await {
            Some(Ok(bytes)) => {
                self.buffer.extend_from_slice(&bytes);
                Ok(true)
            }
            Some(Err(_)) => Err(malformed()),
            None => Ok(false),
        }
    }
}

fn malformed() -> S3Error {
    s3_error!(IncompleteBody, "The request body terminated unexpectedly")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::TryStreamExt as _;

    async fn decoded(
        text: &'static str,
        pieces: usize,
        expected: Option<u64>,
    ) -> Result<(String, Envelope), S3Error> {
        let envelope = Envelope::default();
        let pieces = text
            .as_bytes()
            .chunks(pieces)
            .map(|piece| Ok::<_, std::io::Error>(Bytes::from(piece)));
        let blob = s3s::dto::StreamingBlob::wrap(stream::iter(pieces));
        let parts: Vec<Bytes> = decode(Body::from(blob), expected, envelope.clone())
            .try_collect()
            .await?;
        Ok((String::from_utf8(parts.concat()).unwrap(), envelope))
    }

    #[tokio::test]
    async fn chunks_and_trailers_are_found_however_the_bytes_arrive() {
        let text = "5;chunk-signature=ab\r\nhello\r\n3\r\n\r\n!\r\n0\r\nx-amz-checksum-crc32:abcd==\r\n\r\n";
        for pieces in 1..text.len() {
            let (body, envelope) = decoded(text, pieces, Some(8)).await.unwrap();
            assert_eq!(body, "hello\r\n!");
            assert_eq!(
                envelope.trailers.lock().unwrap()["x-amz-checksum-crc32"],
                "abcd=="
            );
        }
    }

    #[tokio::test]
    async fn a_body_that_is_cut_or_of_another_length_is_refused() {
        let whole = "5\r\nhello\r\n0\r\n\r\n";
        assert!(decoded(whole, 4, Some(5)).await.is_ok());
        assert!(decoded(whole, 4, Some(6)).await.is_err());
        assert!(decoded(whole, 4, Some(4)).await.is_err());
        assert!(decoded(&whole[..7], 4, None).await.is_err());
        assert!(decoded("hello", 4, None).await.is_err());
    }
}
