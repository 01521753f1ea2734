//! A request, read as far as needed to know which service and operation it is for, and about what.
//!
//! JSON services name the operation in `X-Amz-Target`, STS in a form field, S3 in method, path and
//! query string.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request};
use serde_json::{Map, Value, json};

use super::{caller, s3_operation};
use crate::calls::{Call, Service};
use crate::error::{ServiceError, refusal};

pub enum Input {
    /// Of JSON, or of a form's fields.
    Members(Value),
    S3(Box<Request<s3s::Body>>),
}

/// Reads a request and says in `call` what it is about; S3's bodies are left to S3.
pub async fn parse(call: &mut Call, parts: Parts, body: Incoming) -> Result<Input, ServiceError> {
    let header = |name: &str| {
        let value = parts.headers.get(name);
        value.and_then(|value| value.to_str().ok())
    };
    if let Some(target) = header("x-amz-target") {
        (call.service, call.operation) = json_target(target);
        let bytes = whole(call, body).await?;
        let text = if bytes.is_empty() { b"{}" } else { &bytes[..] };
        let input: Value = serde_json::from_slice(text).map_err(|error| {
            refusal!(
                "SerializationException",
                "the request's body does not parse: {error}"
            )
        })?;
        call.detail = caller::detail(call.service, &input);
        return Ok(Input::Members(input));
    }
    let is_form = header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    if parts.method == Method::POST && parts.uri.path() == "/" && is_form {
        call.service = Service::Sts;
        let bytes = whole(call, body).await?;
        let mut form: Map<_, _> = form_urlencoded::parse(&bytes)
            .map(|(name, value)| (name.into_owned(), json!(value)))
            .collect();
        let action = form.remove("Action").unwrap_or_default();
        action
            .as_str()
            .unwrap_or_default()
            .clone_into(&mut call.operation);
        let input = Value::Object(form);
        call.detail = caller::detail(call.service, &input);
        return Ok(Input::Members(input));
    }
    s3_operation::name(&parts).clone_into(&mut call.operation);
    let path = parts.uri.path().trim_start_matches('/');
    let detail = percent_encoding::percent_decode_str(path).decode_utf8_lossy();
    call.detail = detail.into_owned();
    let length = header("content-length").and_then(|text| text.parse().ok());
    call.request_bytes = length.unwrap_or_default();
    let request = Request::from_parts(parts, s3s::Body::from(body));
    Ok(Input::S3(Box::new(request)))
}

/// The service and the operation that `X-Amz-Target` names. A service that is not here has no
/// operations; its refusal is in the protocol that the others speak.
fn json_target(target: &str) -> (Service, String) {
    let (name, operation) = target.split_once('.').unwrap_or_default();
    match name {
        "CodeCommit_20150413" => (Service::CodeCommit, operation.to_owned()),
        "CodeBuild_20161006" => (Service::CodeBuild, operation.to_owned()),
        "AmazonSQS" => (Service::Sqs, operation.to_owned()),
        _ => (Service::CodeCommit, target.to_owned()),
    }
}

async fn whole(call: &mut Call, body: Incoming) -> Result<Bytes, ServiceError> {
    let body = body.collect().await;
    let body = body.map_err(|error| refusal!("IncompleteBody", "{error}"))?;
    let bytes = body.to_bytes();
    call.request_bytes = bytes.len() as u64;
    Ok(bytes)
}
