//! Buckets in the host name (`bucket.localhost:4566`) moved into the path, where S3's protocol
//! library and the call log look for them.

use hyper::Request;
use hyper::http::uri::{PathAndQuery, Uri};

/// The request with its bucket in the path.
pub fn path_style<B>(mut request: Request<B>) -> Request<B> {
    let host = request
        .headers()
        .get("host")
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    let Some(bucket) = name.strip_suffix(".localhost") else {
        return request;
    };
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", PathAndQuery::as_str);
    let Ok(uri) = format!("/{bucket}{path}").parse::<Uri>() else {
        return request;
    };
    if let Ok(host) = host.replacen(&format!("{bucket}."), "", 1).parse() {
        request.headers_mut().insert("host", host);
        *request.uri_mut() = uri;
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_in_the_host_name_moves_into_the_path() {
        for (host, uri, expected) in [
            (
                "bundles.localhost:4566",
                "/a/b?uploads",
                "/bundles/a/b?uploads",
            ),
            ("bundles.localhost", "/", "/bundles/"),
            ("localhost:4566", "/bundles/a", "/bundles/a"),
            ("127.0.0.1:4566", "/bundles/a", "/bundles/a"),
        ] {
            let request = Request::builder()
                .uri(uri)
                .header("host", host)
                .body(())
                .unwrap();
            let moved = path_style(request);
            assert_eq!(moved.uri(), expected);
            assert!(
                !moved.headers()["host"]
                    .to_str()
                    .unwrap()
                    .starts_with("bundles")
            );
        }
    }
}
