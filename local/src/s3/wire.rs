//! Requests as they come, before the protocol library sees them: whatever the credentials are,
//! they are taken, and the signature's traces are removed.
//!
//! The library either knows the secret key of a signed request or refuses it, and it decodes
//! `aws-chunked` bodies only together with their signatures. Here nobody has to know a secret, so
//! the signature goes and the decoding is done here; what the signature says of the body (its
//! SHA-256) is still checked.

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::StreamBody;
use hyper::body::{Body as HttpBody, Frame};
use hyper::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue, RANGE,
};
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{HeaderMap, Request, Response, StatusCode, Uri};
use s3s::dto::Range;
use s3s::service::S3Service;
use s3s::{Body, StdError};
use uuid::Uuid;

use super::chunked;
use super::claims::Envelope;

const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const DECODED_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");

/// The query parameters of presigned URLs, versions 4 and 2, in lower case.
const SIGNATURE_PARAMETERS: [&str; 10] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
    "awsaccesskeyid",
    "signature",
    "expires",
];

/// The local S3 as something that answers HTTP requests. Clones are cheap and share everything.
///
/// A server hands it each request; for axum:
///
/// ```no_run
/// # let s3 = pushbuild_local::s3::S3::new("root".into(), Default::default()).unwrap();
/// let service = s3.service();
/// let app: axum::Router = axum::Router::new().fallback(move |request: axum::extract::Request| {
///     let service = service.clone();
///     async move { service.call(request).await.map(axum::body::Body::new) }
/// });
/// ```
///
/// The protocol library logs every refused request as an error; a program that shows its logs to
/// people sets the target `s3s` to `off`.
#[derive(Clone, Debug)]
pub struct Service(S3Service);

impl Service {
    pub(super) fn new(service: S3Service) -> Self {
        Self(service)
    }

    /// Answers one request. The bucket is the first component of the path (path-style addressing);
    /// any credentials are accepted, signed, presigned or none. Errors are answers, too.
    pub async fn call<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        StdError: From<B::Error>,
    {
        let (mut parts, body) = request.into_parts();
        let body = unsign(&mut parts, Body::http_body_unsync(body));
        let answer = self.0.call(Request::from_parts(parts, body)).await;
        let mut answer = answer.unwrap_or_else(|error| {
            let mut failed = Response::new(Body::from(format!("{error:?}")));
            *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            failed
        });
        if answer.status() == StatusCode::NOT_MODIFIED {
            *answer.body_mut() = Body::empty();
        }
        let id = Uuid::new_v4().simple().to_string()[..16].to_ascii_uppercase();
        if let Ok(id) = HeaderValue::try_from(id) {
            answer.headers_mut().insert(REQUEST_ID, id);
        }
        answer
    }
}

/// Takes the signature off a request, and the encoding that belongs to it off its body.
fn unsign(parts: &mut Parts, body: Body) -> Body {
    let headers = &mut parts.headers;
    headers.remove(AUTHORIZATION);
    headers.remove(SECURITY_TOKEN);
    let payload = headers.remove(CONTENT_SHA256);
    let payload = payload
        .as_ref()
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let chunked = payload.starts_with("STREAMING-");
    let signed_body = payload.len() == 64 && payload.bytes().all(|byte| byte.is_ascii_hexdigit());
    let envelope = Envelope {
        sha256: signed_body.then(|| payload.to_owned()),
        ..Envelope::default()
    };
    parts.extensions.insert(envelope.clone());
    if let Some(uri) = unsigned_uri(&parts.uri) {
        parts.uri = uri;
    }
    // "If the Range header is not valid, S3 ignores it", as HTTP wants; the library refuses it.
    let range = headers.get(RANGE).map(|range| {
        range
            .to_str()
            .is_ok_and(|range| Range::parse(range).is_ok())
    });
    if range == Some(false) {
        headers.remove(RANGE);
    }
    if !chunked {
        return body;
    }
    strip_encoding(headers);
    let length = headers.remove(DECODED_LENGTH);
    let expected = length
        .as_ref()
        .and_then(|length| length.to_str().ok()?.parse().ok());
    match length {
        Some(length) => headers.insert(CONTENT_LENGTH, length),
        None => headers.remove(CONTENT_LENGTH),
    };
    let frames = chunked::decode(body, expected, envelope).map(|chunk| chunk.map(Frame::data));
    Body::http_body_unsync(StreamBody::new(
        frames.map(|frame| frame.map_err(StdError::from)),
    ))
}

/// `aws-chunked` is of the transport; what else the client names is stored with the object.
fn strip_encoding(headers: &mut HeaderMap) {
    let encodings = headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok());
    let Some(encodings) = encodings else { return };
    let kept: Vec<&str> = encodings
        .split(',')
        .map(str::trim)
        .filter(|name| *name != "aws-chunked")
        .collect();
    match HeaderValue::try_from(kept.join(",")) {
        Ok(kept) if !kept.is_empty() => headers.insert(CONTENT_ENCODING, kept),
        _ => headers.remove(CONTENT_ENCODING),
    };
}

fn unsigned_uri(uri: &Uri) -> Option<Uri> {
    let query = uri.query()?;
    let of_signature = |pair: &&str| {
        let name = pair
            .split('=')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        SIGNATURE_PARAMETERS.contains(&name.as_str())
    };
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !of_signature(pair))
        .collect();
    let path = if kept.is_empty() {
        uri.path().to_owned()
    } else {
        format!("{}?{}", uri.path(), kept.join("&"))
    };
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}
