//! A call, read from its request: who calls, which service and operation, and about what.
//!
//! JSON services name the operation in `X-Amz-Target`, STS in a form field, S3 in method, path and
//! query string.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{Method, Request};
use serde_json::{Map, Value, json};

use crate::calls::{Call, Service};
use crate::error::{ServiceError, refusal};

pub enum Input {
    /// Of JSON, or of a form's fields.
    Members(Value),
    S3(Box<Request<s3s::Body>>),
}

impl Call {
    /// A call of which only the head has arrived.
    pub(crate) fn arrived(parts: &Parts) -> Self {
        let header = |name| header(parts, name);
        // A signature of version 4 has `Credential=ID/date/region/service/aws4_request`.
        let authorization = header("authorization").unwrap_or_default();
        let (_, credential) = authorization.split_once("Credential=").unwrap_or_default();
        let credential = |part| {
            let part = credential.split('/').nth(part)?;
            (!part.is_empty()).then(|| part.to_owned())
        };
        let attempt = header("amz-sdk-request").and_then(|header| {
            let mut parts = header.split(';');
            parts.find_map(|part| part.trim().strip_prefix("attempt=")?.parse().ok())
        });
        Self {
            service: Service::S3,
            operation: String::new(),
            detail: String::new(),
            access_key_id: credential(0),
            role: None,
            region: credential(2),
            copied_from: header("x-amz-copy-source").map(str::to_owned),
            attempt: attempt.unwrap_or(1),
            status: None,
            error: None,
            faults: Vec::new(),
            request_bytes: 0,
            response_bytes: 0,
            start: SystemTime::now(),
            duration: Duration::ZERO,
        }
    }
}

/// Reads a request and says in `call` what it is about; S3's bodies are left to S3.
pub async fn parse(call: &mut Call, parts: Parts, body: Incoming) -> Result<Input, ServiceError> {
    let header = |name| header(&parts, name);
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
        call.detail = detail(call.service, &input);
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
        call.detail = detail(call.service, &input);
        return Ok(Input::Members(input));
    }
    s3_operation(&parts).clone_into(&mut call.operation);
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

fn header<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts.headers.get(name)?.to_str().ok()
}

async fn whole(call: &mut Call, body: Incoming) -> Result<Bytes, ServiceError> {
    let body = body.collect().await;
    let body = body.map_err(|error| refusal!("IncompleteBody", "{error}"))?;
    let bytes = body.to_bytes();
    call.request_bytes = bytes.len() as u64;
    Ok(bytes)
}

/// What a call is about, in one line, by its members.
fn detail(service: Service, input: &Value) -> String {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    match service {
        Service::CodeCommit => {
            let repository = text("repositoryName").unwrap_or_default();
            let about = [
                "filePath",
                "folderPath",
                "blobId",
                "commitId",
                "afterCommitSpecifier",
            ];
            match about.into_iter().find_map(text) {
                Some(about) => format!("{repository}:{about}"),
                None => repository.to_owned(),
            }
        }
        Service::CodeBuild => {
            let ids = input.get("ids").and_then(Value::as_array);
            let ids = ids.into_iter().flatten().filter_map(Value::as_str);
            match text("projectName") {
                Some(project) => project.to_owned(),
                None => ids.collect::<Vec<_>>().join(","),
            }
        }
        Service::Sqs => {
            let queue = text("QueueUrl").or_else(|| text("QueueName"));
            let name = queue.and_then(|queue| queue.rsplit('/').next());
            name.unwrap_or_default().to_owned()
        }
        Service::Sts => text("RoleArn").unwrap_or_default().to_owned(),
        // Its requests have no members.
        Service::S3 => String::new(),
    }
}

/// The name of an S3 request's operation, which only REST tells; `Unknown` for one that is not
/// served here. Source: the request syntax of each operation in the S3 API reference.
fn s3_operation(parts: &Parts) -> &'static str {
    let query = parts.uri.query().unwrap_or_default();
    let has = |name: &str| form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == name);
    let copies = parts.headers.contains_key("x-amz-copy-source");
    let path = parts.uri.path().trim_start_matches('/');
    let (_, key) = path.split_once('/').unwrap_or((path, ""));
    match (parts.method.as_str(), key.is_empty()) {
        ("GET", true) if has("list-type") => "ListObjectsV2",
        ("GET", false) => "GetObject",
        ("HEAD", false) => "HeadObject",
        ("PUT", false) if has("partNumber") => "UploadPart",
        ("PUT", false) if copies => "CopyObject",
        ("PUT", false) => "PutObject",
        ("POST", false) if has("uploads") => "CreateMultipartUpload",
        ("POST", false) if has("uploadId") => "CompleteMultipartUpload",
        ("DELETE", false) if has("uploadId") => "AbortMultipartUpload",
        ("DELETE", false) => "DeleteObject",
        _ => "Unknown",
    }
}
