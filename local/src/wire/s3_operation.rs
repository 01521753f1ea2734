//! The name of an S3 request's operation: S3 has no operation field, only REST.
//!
//! Source: the request syntax of each operation in the S3 API reference.

use hyper::http::request::Parts;

/// The operation's name; `Unknown` for one that is not served here.
pub fn name(parts: &Parts) -> &'static str {
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
