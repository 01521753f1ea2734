//! The operations, and what happens before any of them: any signature is taken, and what this
//! S3 does not know is refused.

use std::sync::Arc;

use hyper::header::{AUTHORIZATION, HeaderName};
use hyper::{Method, Request, Response, StatusCode};
#[allow(clippy::wildcard_imports, reason = "two types for each operation")]
use s3s::dto::*;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Request, S3Response, S3Result, s3_error};

use super::store::Store;
use super::{multipart, objects};
use crate::aws::ACCOUNT;

/// The headers of S3's own that are understood here. S3 has many more; one that would be ignored
/// could let a test pass that fails on AWS.
const HEADERS: [&str; 12] = [
    "x-amz-checksum-algorithm",
    "x-amz-checksum-crc32",
    "x-amz-checksum-mode",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-date",
    "x-amz-expected-bucket-owner",
    "x-amz-metadata-directive",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-source-expected-bucket-owner",
    "x-amz-user-agent",
];
/// They name the account that all buckets here belong to: "If the bucket is not owned by the specified AWS
/// account ID, the request fails with an HTTP 403 Access Denied error":
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html>.
const OWNER_HEADERS: [&str; 2] = [
    "x-amz-expected-bucket-owner",
    "x-amz-source-expected-bucket-owner",
];
/// Common headers that S3 acts on and that are not understood here.
const REFUSED: [&str; 4] = [
    "cache-control",
    "content-disposition",
    "content-md5",
    "expires",
];
/// The query parameters that are understood here; `x-id` only names the operation.
const PARAMETERS: [&str; 6] = [
    "list-type",
    "partNumber",
    "prefix",
    "uploadId",
    "uploads",
    "x-id",
];

/// The operations, over what is stored.
struct Operations(Arc<Store>);

macro_rules! operations {
    (|$store:ident, $request:ident| $($name:ident($input:ty) -> $output:ty = $answer:expr;)*) => {
        #[async_trait::async_trait]
        impl s3s::S3 for Operations {
            $(async fn $name(&self, $request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                let $store = &*self.0;
                $answer.map(S3Response::new)
            })*
        }
    };
}

operations! { |store, request|
    put_object(PutObjectInput) -> PutObjectOutput = objects::put(store, request).await;
    get_object(GetObjectInput) -> GetObjectOutput = objects::get(store, &request.input);
    head_object(HeadObjectInput) -> HeadObjectOutput = objects::head(store, &request.input);
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = objects::delete(store, request.input);
    copy_object(CopyObjectInput) -> CopyObjectOutput = objects::copy(store, request.input);
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = objects::list(store, request.input);
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput = multipart::create(store, request.input);
    upload_part(UploadPartInput) -> UploadPartOutput = multipart::part(store, request).await;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput = multipart::complete(store, request.input);
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput = multipart::abort(store, request.input);
}

/// What answers HTTP requests.
///
/// The protocol library logs every refused request as an error; a program that shows its logs to
/// people sets the target `s3s` to `off`.
pub fn over(store: Arc<Store>) -> S3Service {
    S3ServiceBuilder::new(Operations(store)).build()
}

/// Answers one request; an error is an answer, too.
pub async fn call(service: &S3Service, mut request: Request<Body>) -> Response<Body> {
    let answer = if let Err(refusal) = check(&request) {
        let answer = refusal.to_http_response();
        answer.map_err(|error| error.to_string())
    } else {
        // The library would compare the signature, and `sam local invoke` hands a function its
        // user's own credentials.
        request.headers_mut().remove(AUTHORIZATION);
        let answer = service.call(request).await;
        answer.map_err(|error| format!("{error:?}"))
    };
    answer.unwrap_or_else(|error| {
        let mut failed = Response::new(Body::from(error));
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}

/// Refuses what is not signed, for another account's buckets, or not understood.
fn check(request: &Request<Body>) -> S3Result<()> {
    let headers = request.headers();
    let is_foreign = |name: &&str| headers.get(*name).is_some_and(|owner| owner != ACCOUNT);
    if !headers.contains_key(AUTHORIZATION) || OWNER_HEADERS.iter().any(is_foreign) {
        return Err(s3_error!(AccessDenied, "Access Denied"));
    }
    match ignored(request) {
        None => Ok(()),
        Some(name) => Err(s3_error!(
            NotImplemented,
            "The local S3 does not know `{name}`"
        )),
    }
}

/// The first header or query parameter that would be ignored.
fn ignored(request: &Request<Body>) -> Option<&str> {
    let method = request.method();
    let is_ignored = |name: &&str| {
        let own = name.starts_with("x-amz-") && !name.starts_with("x-amz-meta-");
        let condition = name.starts_with("if-") && !(*name == "if-match" && method == Method::GET);
        condition || REFUSED.contains(name) || (own && !HEADERS.contains(name))
    };
    // Only an upload can name a part.
    let is_known =
        |name: &str| PARAMETERS.contains(&name) && (name != "partNumber" || method == Method::PUT);
    let mut headers = request.headers().keys().map(HeaderName::as_str);
    let parameters = request.uri().query().unwrap_or_default().split('&');
    let mut parameters = parameters.filter_map(|pair| pair.split('=').next());
    headers
        .find(is_ignored)
        .or_else(|| parameters.find(|name| !name.is_empty() && !is_known(name)))
}
