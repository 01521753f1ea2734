//! Which service and operation a request is for, as the AWS protocols say it.
//!
//! JSON services name it in `X-Amz-Target`, Smithy's RPC v2 CBOR in the path, Query services in a
//! form field, S3 in method, path and query string.

use hyper::Method;
use hyper::http::request::Parts;

use super::s3_operation;
use crate::calls::Service;

/// The address of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// awsJson1.0 or 1.1.
    Json(Service, String),
    /// smithy-rpc-v2-cbor.
    Cbor(Service, String),
    /// awsQuery: the operation is in the form.
    Query,
    /// S3's REST.
    S3 {
        /// As in the API reference.
        operation: &'static str,
        /// `bucket/key`, percent-decoded.
        detail: String,
    },
    /// The local AWS itself: the path after `/_local`.
    Local(String),
    /// A service or version that is not here.
    Unknown(String),
}

impl Target {
    /// Reads the request line and headers.
    pub fn of(parts: &Parts) -> Self {
        let path = parts.uri.path();
        if let Some(rest) = path.strip_prefix("/_local") {
            return Self::Local(rest.to_owned());
        }
        if let Some(target) = parts.headers.get("x-amz-target") {
            let target = target.to_str().unwrap_or_default();
            return match target
                .split_once('.')
                .map(|(name, operation)| (json(name), operation))
            {
                Some((Some(service), operation)) => Self::Json(service, operation.to_owned()),
                _ => Self::Unknown(target.to_owned()),
            };
        }
        if let Some(rest) = path.strip_prefix("/service/") {
            return match rest
                .split_once("/operation/")
                .map(|(name, operation)| (json(name), operation))
            {
                Some((Some(service), operation)) => Self::Cbor(service, operation.to_owned()),
                _ => Self::Unknown(rest.to_owned()),
            };
        }
        let form = parts.headers.get("content-type").is_some_and(|kind| {
            kind.as_bytes()
                .starts_with(b"application/x-www-form-urlencoded")
        });
        if parts.method == Method::POST && path == "/" && form {
            return Self::Query;
        }
        let operation = s3_operation::name(&parts.method, path, parts.uri.query(), &parts.headers);
        Self::S3 {
            operation,
            detail: percent_decode(path.trim_start_matches('/')),
        }
    }
}

/// The service behind a target prefix or Smithy service name.
fn json(name: &str) -> Option<Service> {
    Some(match name {
        "CodeCommit_20150413" => Service::CodeCommit,
        "CodeBuild_20161006" => Service::CodeBuild,
        "AmazonSQS" => Service::Sqs,
        _ => return None,
    })
}

/// `%41` to `A`; what is not UTF-8 then is shown as replacement characters.
pub fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        let code = code.and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(byte) = code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = &tail[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use hyper::Request;

    use super::*;

    fn target(method: &str, uri: &str, header: Option<(&str, &str)>) -> Target {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        Target::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn each_protocol_names_its_operation_in_its_own_place() {
        let json = ("x-amz-target", "CodeCommit_20150413.GetFolder");
        assert_eq!(
            target("POST", "/", Some(json)),
            Target::Json(Service::CodeCommit, "GetFolder".into())
        );
        assert_eq!(
            target(
                "POST",
                "/service/CodeBuild_20161006/operation/StartBuild",
                None
            ),
            Target::Cbor(Service::CodeBuild, "StartBuild".into())
        );
        let form = (
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        );
        assert_eq!(target("POST", "/", Some(form)), Target::Query);
        assert_eq!(
            target("PUT", "/bucket/a%20key%2Fb?partNumber=1&uploadId=x", None),
            Target::S3 {
                operation: "UploadPart",
                detail: "bucket/a key/b".into()
            }
        );
        assert_eq!(
            target("GET", "/_local/health", None),
            Target::Local("/health".into())
        );
    }

    #[test]
    fn a_service_that_is_not_here_is_not_taken_for_s3() {
        let target = target(
            "POST",
            "/",
            Some(("x-amz-target", "DynamoDB_20120810.GetItem")),
        );
        assert_eq!(target, Target::Unknown("DynamoDB_20120810.GetItem".into()));
    }

    #[test]
    fn a_percent_sign_that_codes_nothing_stays() {
        assert_eq!(percent_decode("100%/%zz/%F0%9F%8E%89%"), "100%/%zz/🎉%");
    }
}
