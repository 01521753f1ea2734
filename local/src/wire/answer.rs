//! Answers as each protocol writes them, and error answers too.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::{ServiceError, xml_escaped};
use crate::sqs::query_error_header;
use crate::sts::error_xml;

/// How a request was written, and so how its answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// awsJson1.0, which SQS speaks.
    Json10,
    /// awsJson1.1, which CodeCommit and CodeBuild speak.
    Json11,
    Query,
    S3,
}

pub type Body = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// An answer before it goes out.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: Bytes,
    /// The bytes after which the body breaks off, and the silence before the connection closes.
    pub breaks_off: Option<(usize, Duration)>,
    /// The exception's name, for the call log.
    pub error: Option<String>,
}

impl Answer {
    pub fn new(status: u16, content_type: Option<&'static str>, bytes: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(kind) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers,
            bytes: bytes.into(),
            breaks_off: None,
            error: None,
        }
    }

    pub fn json(protocol: Protocol, result: Result<Value, ServiceError>) -> Self {
        match result {
            Ok(value) => Self::new(200, Some(protocol.content_type()), value.to_string()),
            Err(error) => Self::error(protocol, &error),
        }
    }

    pub fn error(protocol: Protocol, error: &ServiceError) -> Self {
        let ServiceError {
            status,
            code,
            message,
        } = error;
        let body = match protocol {
            Protocol::Json10 | Protocol::Json11 => {
                json!({"__type": code, "message": message}).to_string()
            }
            Protocol::Query => error_xml(error),
            Protocol::S3 => format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                 <Error><Code>{}</Code><Message>{}</Message></Error>",
                xml_escaped(code),
                xml_escaped(message)
            ),
        };
        let mut answer = Self::new(*status, Some(protocol.content_type()), body);
        match protocol {
            // SDKs take the code of SQS's errors from this header.
            Protocol::Json10 => answer.set("x-amzn-query-error", &query_error_header(error)),
            Protocol::Json11 => answer.set("x-amzn-errortype", code),
            Protocol::Query | Protocol::S3 => {}
        }
        answer.error = Some(code.clone());
        answer
    }

    pub async fn from_s3(response: Response<s3s::Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = BodyExt::collect(body).await;
        let bytes = bytes.map_or_else(|_| Bytes::new(), http_body_util::Collected::to_bytes);
        let status = parts.status;
        let error = (status.is_client_error() || status.is_server_error()).then(|| {
            // An error answer to HEAD has no body that could say its code.
            xml_element(&bytes, "Code").unwrap_or_else(|| status.as_u16().to_string())
        });
        Self {
            status,
            headers: parts.headers,
            bytes,
            breaks_off: None,
            error,
        }
    }

    /// Sets a header; one that cannot be written is left out.
    fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
    }

    /// As it goes out, with a request id.
    pub fn into_response(mut self, protocol: Protocol) -> Response<Body> {
        let id = match protocol {
            Protocol::S3 => "x-amz-request-id",
            Protocol::Json10 | Protocol::Json11 | Protocol::Query => "x-amzn-requestid",
        };
        self.set(id, &Uuid::new_v4().to_string());
        let body = match self.breaks_off {
            None => Full::new(self.bytes)
                .map_err(|never| match never {})
                .boxed_unsync(),
            Some((after, silence)) => {
                // At least one byte more is announced than comes, even of an empty answer.
                let announced = self.bytes.len().max(1);
                self.headers.insert(CONTENT_LENGTH, announced.into());
                let sent = after.min(announced - 1);
                broken(self.bytes.slice(..sent), silence)
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

/// A body that ends in an error, after which hyper closes the connection.
fn broken(sent: Bytes, silence: Duration) -> Body {
    let end = async move {
        tokio::time::sleep(silence).await;
        Err("broken off by a fault".into())
    };
    let sent = stream::iter([Ok(Frame::data(sent))]);
    StreamBody::new(sent.chain(stream::once(end))).boxed_unsync()
}

impl Protocol {
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json10 => "application/x-amz-json-1.0",
            Self::Json11 => "application/x-amz-json-1.1",
            Self::Query => "text/xml",
            Self::S3 => "application/xml",
        }
    }
}

/// The text of the first element of this name: a code, which holds no entities.
fn xml_element(body: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
}
