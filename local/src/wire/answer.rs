//! Answers as each protocol writes them, and error answers too.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::body::{AnswerBody, whole};
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

/// The content of an answer: in one piece, or as it is read.
pub enum Content {
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
    pub fn new(status: u16, content_type: Option<&'static str>, bytes: impl Into<Bytes>) -> Self {
        let mut headers = HeaderMap::new();
        if let Some(kind) = content_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers,
            content: Content::Whole(bytes.into()),
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

    /// Sets a header; one that cannot be written is left out.
    fn set(&mut self, name: &'static str, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
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
    pub fn into_response(mut self, protocol: Protocol) -> Response<AnswerBody> {
        let id = match protocol {
            Protocol::S3 => "x-amz-request-id",
            Protocol::Json10 | Protocol::Json11 | Protocol::Query => "x-amzn-requestid",
        };
        self.set(id, &Uuid::new_v4().to_string());
        let body = match self.content {
            Content::Whole(bytes) => whole(bytes),
            Content::Stream(body, _) => body,
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
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

/// The text of the first element of this name; codes and ids, which hold no entities.
pub fn xml_element(body: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
}
