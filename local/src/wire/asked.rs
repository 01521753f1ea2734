//! A request, read as far as needed to know what it is about.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request};
use serde_json::Value;

use super::answer::Protocol;
use super::caller;
use super::target::{Target, percent_decode};
use crate::calls::Service;
use crate::cbor;
use crate::error::ServiceError;

/// The largest body of a JSON, CBOR or form request. PutFile's 6 MB are 8.4 MB in base64.
const LARGEST_BODY: usize = 32 * 1024 * 1024;

/// A request for a service.
pub struct Asked {
    pub protocol: Protocol,
    pub service: Service,
    pub operation: String,
    /// As [`crate::calls::Call::detail`].
    pub detail: String,
    pub work: Work,
    /// Of its body.
    pub bytes: u64,
}

/// What the service is given.
pub enum Work {
    Value(Value),
    Form(Vec<(String, String)>),
    S3(Box<Request<s3s::Body>>),
}

/// Why a request goes to no service.
pub enum Unserved {
    Refused(Protocol, ServiceError),
    Local(String),
}

/// Reads a request; S3's bodies are left to S3.
pub async fn read(parts: Parts, body: Incoming) -> Result<Asked, Unserved> {
    let json = json_version(&parts.headers);
    match Target::of(&parts) {
        Target::Local(path) => Err(Unserved::Local(path)),
        Target::Unknown(target) => {
            let message = format!("this local AWS has no {target}");
            Err(Unserved::Refused(
                json,
                ServiceError::new("UnknownOperationException", message),
            ))
        }
        Target::Json(service, operation) => {
            let bytes = whole(body, &json).await?;
            let text = if bytes.is_empty() { b"{}" } else { &bytes[..] };
            let input = serde_json::from_slice(text).map_err(|error| malformed(&json, &error))?;
            Ok(asked(json, service, operation, input, bytes.len()))
        }
        Target::Cbor(service, operation) => {
            let bytes = whole(body, &Protocol::Cbor).await?;
            let input =
                cbor::read(&bytes).map_err(|error| Unserved::Refused(Protocol::Cbor, error))?;
            Ok(asked(
                Protocol::Cbor,
                service,
                operation,
                input,
                bytes.len(),
            ))
        }
        Target::Query => {
            let bytes = whole(body, &Protocol::Query).await?;
            let form = form(&String::from_utf8_lossy(&bytes));
            let field = |name: &str| {
                let field = form.iter().find(|(key, _)| key == name);
                field.map_or_else(String::new, |(_, value)| value.clone())
            };
            Ok(Asked {
                protocol: Protocol::Query,
                service: Service::Sts,
                operation: field("Action"),
                detail: field("RoleArn"),
                bytes: bytes.len() as u64,
                work: Work::Form(form),
            })
        }
        Target::S3 { operation, detail } => {
            let length = parts
                .headers
                .get("content-length")
                .and_then(|value| value.to_str().ok());
            Ok(Asked {
                protocol: Protocol::S3,
                service: Service::S3,
                operation: operation.to_owned(),
                detail,
                bytes: length
                    .and_then(|text| text.parse().ok())
                    .unwrap_or_default(),
                work: Work::S3(Box::new(Request::from_parts(parts, s3s::Body::from(body)))),
            })
        }
    }
}

/// `application/x-www-form-urlencoded`, in its order.
fn form(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode(&text.replace('+', " "));
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn asked(
    protocol: Protocol,
    service: Service,
    operation: String,
    input: Value,
    bytes: usize,
) -> Asked {
    let detail = caller::detail(service, &input);
    Asked {
        protocol,
        service,
        operation,
        detail,
        work: Work::Value(input),
        bytes: bytes as u64,
    }
}

fn json_version(headers: &HeaderMap) -> Protocol {
    let kind = headers
        .get("content-type")
        .map(hyper::header::HeaderValue::as_bytes);
    Protocol::Json(match kind {
        Some(kind) if kind.ends_with(b"json-1.0") => "application/x-amz-json-1.0",
        _ => "application/x-amz-json-1.1",
    })
}

async fn whole(body: Incoming, protocol: &Protocol) -> Result<Bytes, Unserved> {
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => {
            let message = format!("the request's body cannot be read: {error}");
            let error = ServiceError {
                status: 413,
                code: "RequestEntityTooLarge".to_owned(),
                message,
            };
            Err(Unserved::Refused(protocol.clone(), error))
        }
    }
}

fn malformed(protocol: &Protocol, error: &dyn std::fmt::Display) -> Unserved {
    let message = format!("the request's body does not parse: {error}");
    Unserved::Refused(
        protocol.clone(),
        ServiceError::new("SerializationException", message),
    )
}
