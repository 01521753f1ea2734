//! A request, read as far as needed to know which service and operation it is for, and about what.
//!
//! JSON services name the operation in `X-Amz-Target`, Query services in a form field, S3 in
//! method, path and query string.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request};
use serde_json::Value;

use super::{caller, s3_operation};
use crate::calls::Service;
use crate::error::ServiceError;

pub struct ParsedRequest {
    pub service: Service,
    pub operation: String,
    /// As [`crate::calls::Call::detail`].
    pub detail: String,
    pub input: Input,
    pub bytes: u64,
}

pub enum Input {
    Json(Value),
    Form(Vec<(String, String)>),
    S3(Box<Request<s3s::Body>>),
}

/// Why a request is not served, and whose answer says so.
pub type Refusal = (Service, ServiceError);

/// Reads a request; S3's bodies are left to S3.
pub async fn parse(parts: Parts, body: Incoming) -> Result<ParsedRequest, Refusal> {
    let header = |name: &str| {
        let value = parts.headers.get(name);
        value.and_then(|value| value.to_str().ok())
    };
    if let Some(target) = header("x-amz-target") {
        let (service, operation) = json_target(target)?;
        let bytes = whole(body, service).await?;
        let text = if bytes.is_empty() { b"{}" } else { &bytes[..] };
        let input: Value = serde_json::from_slice(text).map_err(|error| {
            let message = format!("the request's body does not parse: {error}");
            let error = ServiceError::new("SerializationException", message);
            (service, error)
        })?;
        return Ok(ParsedRequest {
            service,
            operation,
            detail: caller::detail(service, &input),
            input: Input::Json(input),
            bytes: bytes.len() as u64,
        });
    }
    let is_form = header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if parts.method == Method::POST && parts.uri.path() == "/" && is_form {
        let bytes = whole(body, Service::Sts).await?;
        let form: Vec<(String, String)> = form_urlencoded::parse(&bytes).into_owned().collect();
        let field = |name: &str| {
            let field = form.iter().find(|(key, _)| key == name);
            field.map_or_else(String::new, |(_, value)| value.clone())
        };
        return Ok(ParsedRequest {
            service: Service::Sts,
            operation: field("Action"),
            detail: field("RoleArn"),
            bytes: bytes.len() as u64,
            input: Input::Form(form),
        });
    }
    let path = parts.uri.path().trim_start_matches('/');
    let detail = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    let length = header("content-length").and_then(|text| text.parse().ok());
    Ok(ParsedRequest {
        service: Service::S3,
        operation: s3_operation::name(&parts).to_owned(),
        detail: detail.into_owned(),
        bytes: length.unwrap_or_default(),
        input: Input::S3(Box::new(Request::from_parts(parts, s3s::Body::from(body)))),
    })
}

/// The service and the operation that `X-Amz-Target` names.
fn json_target(target: &str) -> Result<(Service, String), Refusal> {
    let (name, operation) = target.split_once('.').unwrap_or_default();
    let service = match name {
        "CodeCommit_20150413" => Service::CodeCommit,
        "CodeBuild_20161006" => Service::CodeBuild,
        "AmazonSQS" => Service::Sqs,
        _ => {
            let message = format!("this local AWS has no {target}");
            let error = ServiceError::new("UnknownOperationException", message);
            return Err((Service::CodeCommit, error));
        }
    };
    Ok((service, operation.to_owned()))
}

async fn whole(body: Incoming, service: Service) -> Result<Bytes, Refusal> {
    let bytes = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    bytes.map_err(|error| {
        let error = ServiceError::new("IncompleteBody", error.to_string());
        (service, error)
    })
}
