//! What the Runtime API answers.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::CONTENT_TYPE;
use hyper::{Response, StatusCode};
use serde_json::{Value, json};

/// The invocation that the function has asked for. `deadline_ms` counts from the Unix epoch.
pub(super) fn invocation(
    request_id: &str,
    deadline_ms: u128,
    function_arn: &str,
    payload: Bytes,
) -> Response<Full<Bytes>> {
    let answer = Response::builder()
        .header(CONTENT_TYPE, "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", request_id)
        .header("Lambda-Runtime-Deadline-Ms", deadline_ms.to_string())
        .header("Lambda-Runtime-Invoked-Function-Arn", function_arn)
        .header("Lambda-Runtime-Trace-Id", trace_id(request_id))
        .body(Full::new(payload));
    answer.unwrap_or_else(|error| {
        refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Internal",
            &error.to_string(),
        )
    })
}

/// What the function has said was taken.
pub(super) fn accepted() -> Response<Full<Bytes>> {
    with_status(StatusCode::ACCEPTED, &json!({"status": "OK"}))
}

/// It was not taken, and why.
pub(super) fn refusal(status: StatusCode, kind: &str, message: &str) -> Response<Full<Bytes>> {
    with_status(status, &json!({"errorType": kind, "errorMessage": message}))
}

fn with_status(status: StatusCode, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response
}

/// An X-Ray header, unsampled, made from the request id so that it is a function of it.
fn trace_id(request_id: &str) -> String {
    let hex: String = request_id.chars().filter(char::is_ascii_hexdigit).collect();
    let (time, rest) = hex.split_at(hex.len().min(8));
    format!("Root=1-{time}-{rest:0<24.24};Parent={rest:0<16.16};Sampled=0")
}
