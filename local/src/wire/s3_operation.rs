//! The name of an S3 request's operation: S3 has no operation field, only REST.
//!
//! Source: the request syntax of each operation in the S3 API reference.

use hyper::{HeaderMap, Method};

/// The operation's name; `Unknown` for one that no caller here uses.
pub fn name(method: &Method, path: &str, query: Option<&str>, headers: &HeaderMap) -> &'static str {
    let query = query.unwrap_or_default();
    let has = |name: &str| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    let path = path.trim_start_matches('/');
    let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
    match (method.as_str(), bucket.is_empty(), key.is_empty()) {
        ("GET", true, _) => "ListBuckets",
        (method, false, true) => on_bucket(method, has),
        (method, false, false) => on_object(method, has, headers.contains_key("x-amz-copy-source")),
        _ => "Unknown",
    }
}

fn on_bucket(method: &str, has: impl Fn(&str) -> bool) -> &'static str {
    match method {
        "GET" if has("list-type") => "ListObjectsV2",
        "GET" if has("versions") => "ListObjectVersions",
        "GET" if has("versioning") => "GetBucketVersioning",
        "GET" if has("uploads") => "ListMultipartUploads",
        "GET" if has("location") => "GetBucketLocation",
        "GET" => "ListObjects",
        "PUT" if has("versioning") => "PutBucketVersioning",
        "PUT" => "CreateBucket",
        "HEAD" => "HeadBucket",
        "DELETE" => "DeleteBucket",
        "POST" if has("delete") => "DeleteObjects",
        _ => "Unknown",
    }
}

fn on_object(method: &str, has: impl Fn(&str) -> bool, copies: bool) -> &'static str {
    match method {
        "GET" if has("uploadId") => "ListParts",
        "GET" if has("attributes") => "GetObjectAttributes",
        "GET" if has("tagging") => "GetObjectTagging",
        "GET" => "GetObject",
        "HEAD" => "HeadObject",
        "PUT" if has("partNumber") && copies => "UploadPartCopy",
        "PUT" if has("partNumber") => "UploadPart",
        "PUT" if has("tagging") => "PutObjectTagging",
        "PUT" if copies => "CopyObject",
        "PUT" => "PutObject",
        "POST" if has("uploads") => "CreateMultipartUpload",
        "POST" if has("uploadId") => "CompleteMultipartUpload",
        "DELETE" if has("uploadId") => "AbortMultipartUpload",
        "DELETE" => "DeleteObject",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_told_apart_by_method_path_and_query() {
        let plain = HeaderMap::new();
        let mut copy = HeaderMap::new();
        copy.insert("x-amz-copy-source", "b/k".parse().unwrap());
        for (method, path, query, headers, expected) in [
            (Method::GET, "/", None, &plain, "ListBuckets"),
            (
                Method::GET,
                "/b",
                Some("list-type=2&prefix=r%2F"),
                &plain,
                "ListObjectsV2",
            ),
            (Method::PUT, "/b/", None, &plain, "CreateBucket"),
            (
                Method::PUT,
                "/b/k",
                Some("x-id=PutObject"),
                &plain,
                "PutObject",
            ),
            (Method::PUT, "/b/k", None, &copy, "CopyObject"),
            (
                Method::PUT,
                "/b/k",
                Some("partNumber=1&uploadId=u"),
                &copy,
                "UploadPartCopy",
            ),
            (
                Method::POST,
                "/b/k/l",
                Some("uploads"),
                &plain,
                "CreateMultipartUpload",
            ),
            (
                Method::POST,
                "/b/k/l",
                Some("uploadId=u"),
                &plain,
                "CompleteMultipartUpload",
            ),
            (
                Method::DELETE,
                "/b/k/l",
                Some("uploadId=u"),
                &plain,
                "AbortMultipartUpload",
            ),
            (Method::HEAD, "/b/k", None, &plain, "HeadObject"),
        ] {
            assert_eq!(
                name(&method, path, query, headers),
                expected,
                "{method} {path} {query:?}"
            );
        }
    }
}
