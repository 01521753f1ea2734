//! Answers and errors, as each service's protocol writes them.

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

use crate::calls::{Call, Service};
use crate::error::ServiceError;
use crate::sqs::query_error_code;

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

    /// What a service says to a call.
    pub fn of(call: &Call, result: Result<Value, ServiceError>) -> Self {
        let (operation, id) = (&call.operation, Uuid::new_v4().to_string());
        let body = match result {
            Err(error) => return Self::error(call.service, &error),
            Ok(members) if call.service == Service::Sts => elements(&json!({
                format!("{operation}Response"): {
                    format!("{operation}Result"): members,
                    "ResponseMetadata": {"RequestId": id},
                },
            })),
            Ok(members) => members.to_string(),
        };
        Self::new(200, Some(content_type(call.service)), body)
    }

    pub fn error(service: Service, error: &ServiceError) -> Self {
        let ServiceError {
            status,
            code,
            message,
        } = error;
        let id = Uuid::new_v4().to_string();
        let whose = if *status < 500 { "Sender" } else { "Receiver" };
        let body = match service {
            Service::CodeCommit | Service::CodeBuild | Service::Sqs => {
                json!({"__type": code, "message": message}).to_string()
            }
            Service::Sts => elements(&json!({"ErrorResponse": {
                "Error": {"Type": whose, "Code": code, "Message": message},
                "RequestId": id,
            }})),
            Service::S3 => elements(&json!({"Error": {"Code": code, "Message": message}})),
        };
        let mut answer = Self::new(*status, Some(content_type(service)), body);
        match service {
            // SDKs take the code of SQS's errors from this header.
            Service::Sqs => {
                let code = format!("{};{whose}", query_error_code(code));
                answer.set("x-amzn-query-error", &code);
            }
            Service::CodeCommit | Service::CodeBuild => answer.set("x-amzn-errortype", code),
            Service::Sts | Service::S3 => {}
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
    pub fn into_response(mut self, service: Service) -> Response<Body> {
        let is_s3 = service == Service::S3;
        let id = ["x-amzn-requestid", "x-amz-request-id"][usize::from(is_s3)];
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

/// The type of a service's answers, by the protocol that it speaks.
fn content_type(service: Service) -> &'static str {
    match service {
        Service::Sqs => "application/x-amz-json-1.0",
        Service::CodeCommit | Service::CodeBuild => "application/x-amz-json-1.1",
        Service::Sts => "text/xml",
        Service::S3 => "application/xml",
    }
}

/// Members as XML elements of the same names.
fn elements(members: &Value) -> String {
    match members {
        Value::Object(members) => {
            let element = |(name, value)| format!("<{name}>{}</{name}>", elements(value));
            members.iter().map(element).collect::<Vec<_>>().concat()
        }
        Value::String(text) => {
            let text = text.replace('&', "&amp;");
            text.replace('<', "&lt;").replace('>', "&gt;")
        }
        other => other.to_string(),
    }
}

/// The text of the first element of this name: a code, which holds no entities.
fn xml_element(body: &[u8], name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
}
