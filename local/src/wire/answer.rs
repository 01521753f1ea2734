//! Answers as each protocol writes them, and refusals in its words.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::body::{AnswerBody, whole};
use crate::cbor;
use crate::error::ServiceError;
use crate::sqs::query_error_header;
use crate::sts::error_xml;

/// How a request was written, and so how its answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// awsJson, with the request's content type (its version).
    Json(&'static str),
    /// smithy-rpc-v2-cbor.
    Cbor,
    /// awsQuery.
    Query,
    /// S3's REST-XML.
    S3,
}

/// The content of an answer: in one piece, or as it is read.
pub enum Content {
    /// In one piece.
    Whole(Bytes),
    /// As it is read, with its length where that is known.
    Stream(AnswerBody, Option<u64>),
}

/// An answer before it goes out.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub content: Content,
    /// The exception's name, for the call log.
    pub error: Option<String>,
}

impl Answer {
    /// An answer in one piece.
    pub fn new(status: u16, content_type: Option<&'static str>, bytes: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(kind) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            status,
            headers,
            content: Content::Whole(bytes.into()),
            error: None,
        }
    }

    /// A service's result in its protocol.
    pub fn of(protocol: &Protocol, result: Result<Value, ServiceError>) -> Self {
        match (result, protocol) {
            (Err(error), protocol) => Self::refusal(protocol, &error),
            (Ok(value), Protocol::Cbor) => Self::new(
                200,
                Some("application/cbor"),
                cbor::write(&value, &cbor::CODEBUILD_TIMESTAMPS),
            )
            .with("smithy-protocol", "rpc-v2-cbor"),
            (Ok(value), Protocol::Json(kind)) => Self::new(200, Some(kind), value.to_string()),
            // The other protocols answer XML, which their services write themselves.
            (Ok(value), Protocol::Query | Protocol::S3) => Self::new(
                200,
                Some("text/xml"),
                value.as_str().unwrap_or_default().to_owned(),
            ),
        }
    }

    /// A service's no, in its protocol.
    pub fn refusal(protocol: &Protocol, error: &ServiceError) -> Self {
        let ServiceError {
            status,
            code,
            message,
        } = error;
        let json = json!({"__type": code, "message": message});
        let mut answer = match protocol {
            Protocol::Json(kind) => {
                Self::new(*status, Some(kind), json.to_string()).with("x-amzn-errortype", code)
            }
            Protocol::Cbor => Self::new(
                *status,
                Some("application/cbor"),
                cbor::write_error(error, "com.amazonaws.codebuild"),
            )
            .with("smithy-protocol", "rpc-v2-cbor"),
            Protocol::Query => Self::new(*status, Some("text/xml"), error_xml(error)),
            Protocol::S3 => {
                let (code, message) = (xml_text(code), xml_text(message));
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                     <Error><Code>{code}</Code><Message>{message}</Message></Error>"
                );
                Self::new(*status, Some("application/xml"), body)
            }
        };
        answer.error = Some(code.clone());
        answer
    }

    /// Adds a header; one that cannot be written is left out.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Adds the header from which SDKs take the code of SQS's no.
    pub fn add_query_error(&mut self) {
        let Some(code) = self.error.clone() else {
            return;
        };
        let error = ServiceError {
            status: self.status.as_u16(),
            code,
            message: String::new(),
        };
        if let Ok(value) = HeaderValue::from_str(&query_error_header(&error)) {
            self.headers.insert("x-amzn-query-error", value);
        }
    }

    /// Bytes of the body, as announced.
    pub fn length(&self) -> u64 {
        match &self.content {
            Content::Whole(bytes) => bytes.len() as u64,
            Content::Stream(_, length) => length.unwrap_or_default(),
        }
    }

    /// As it goes out, with a request id.
    pub fn into_response(self, protocol: &Protocol) -> Response<AnswerBody> {
        let body = match self.content {
            Content::Whole(bytes) => whole(bytes),
            Content::Stream(body, _) => body,
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        let name = if *protocol == Protocol::S3 {
            "x-amz-request-id"
        } else {
            "x-amzn-requestid"
        };
        if let Ok(id) = HeaderValue::from_str(&Uuid::new_v4().to_string()) {
            response.headers_mut().entry(name).or_insert(id);
        }
        response
    }
}

/// `text` as the content of an XML element.
fn xml_text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The text of the first element of this name; codes and ids, which hold no entities.
pub fn xml_element(body: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
}
