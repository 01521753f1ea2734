//! Bodies of uploads, and what is checked of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use hyper::header::HeaderValue;
use hyper::{HeaderMap, StatusCode};
use md5::{Digest as _, Md5};
use s3s::crypto::{Checksum as _, Crc32};
use s3s::dto::StreamingBlob;
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use sha2::Sha256;

/// A body that has arrived whole.
#[derive(Clone, Debug)]
pub struct Received {
    pub bytes: Bytes,
    pub md5: md5::digest::Output<Md5>,
    /// In base64; `None` where the client sent none.
    pub crc32: Option<String>,
}

/// Reads a body, and compares it with the length, the checksum and the signed digest that the client
/// says it has.
pub async fn receive(
    headers: &HeaderMap,
    body: Option<StreamingBlob>,
    length: Option<i64>,
    crc32: Option<String>,
) -> S3Result<Received> {
    let incomplete = || {
        let message =
            "You did not provide the number of bytes specified by the Content-Length HTTP header";
        s3_error!(IncompleteBody, "{message}")
    };
    let mut bytes = BytesMut::new();
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk.map_err(|_| incomplete())?);
        }
    }
    let announced = length.map(usize::try_from);
    if announced.is_some_and(|length| length != Ok(bytes.len())) {
        return Err(incomplete());
    }
    // The other values stand for `aws-chunked` bodies, which are refused by their other headers.
    let signed = headers.get("x-amz-content-sha256");
    let is_signed = |signed: &HeaderValue| {
        signed == "UNSIGNED-PAYLOAD" || *signed == hex::encode(Sha256::digest(&bytes))
    };
    if !signed.is_some_and(is_signed) {
        let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
        let message =
            "The provided 'x-amz-content-sha256' header does not match what was computed.";
        let mut refusal = S3Error::with_message(code, message);
        refusal.set_status_code(StatusCode::BAD_REQUEST);
        return Err(refusal);
    }
    let computed = STANDARD.encode(Crc32::checksum(&bytes));
    if crc32.as_ref().is_some_and(|sent| *sent != computed) {
        let message = "The CRC32 you specified did not match the calculated checksum.";
        return Err(s3_error!(BadDigest, "{message}"));
    }
    Ok(Received {
        md5: Md5::digest(&bytes),
        bytes: bytes.freeze(),
        crc32,
    })
}
