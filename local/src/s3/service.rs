//! The operations, and what happens before any of them: any credentials are taken, and what this
//! S3 does not know is refused.

use std::sync::Arc;
use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PercentEncodingMode, SignableBody, SignableRequest, SigningSettings, UriPathNormalizationMode,
    sign,
};
use aws_sigv4::sign::v4;
use hyper::header::{AUTHORIZATION, HOST, HeaderName};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
#[allow(clippy::wildcard_imports, reason = "two types for each operation")]
use s3s::dto::*;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, S3Request, S3Response, S3Result, StdError, s3_error};

use super::store::Store;
use super::{multipart, objects};
use crate::aws::ACCOUNT;

/// The secret that goes with every access key id.
pub const SECRET_ACCESS_KEY: &str = "local-and-not-a-secret";

/// The headers of S3's own that are understood here. S3 has many more; one that would be ignored
/// could let a test pass that fails on AWS.
const HEADERS: [&str; 14] = [
    "x-amz-checksum-algorithm",
    "x-amz-checksum-crc32",
    "x-amz-checksum-mode",
    "x-amz-content-sha256",
    "x-amz-copy-source",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-expected-bucket-owner",
    "x-amz-metadata-directive",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-source-expected-bucket-owner",
    "x-amz-trailer",
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
    let mut builder = S3ServiceBuilder::new(Operations(store));
    builder.set_auth(Gate);
    builder.set_access(Gate);
    builder.build()
}

/// Answers one request; an error is an answer, too.
pub async fn call(service: &S3Service, mut request: Request<Body>) -> Response<Body> {
    // Where that fails the library refuses the signature.
    let _ = sign_again(&mut request);
    let answer = service.call(request).await;
    answer.unwrap_or_else(|error| {
        let mut failed = Response::new(Body::from(format!("{error:?}")));
        *failed.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}

/// Signs a signed request with the secret that the library knows, since `sam local invoke` hands a
/// function its user's own credentials. A body whose every chunk is signed is left as it is: it
/// must come from a client that knows the secret.
fn sign_again(request: &mut Request<Body>) -> Result<(), StdError> {
    let header = |name: HeaderName| request.headers().get(name).and_then(|it| it.to_str().ok());
    let content = header(HeaderName::from_static("x-amz-content-sha256"));
    let (Some(_), Some(content), Some(host)) = (header(AUTHORIZATION), content, header(HOST))
    else {
        return Ok(());
    };
    if content.starts_with("STREAMING-AWS4") {
        return Ok(());
    }
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let identity = Credentials::new("LOCAL", SECRET_ACCESS_KEY, None, None, "local").into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region("local")
        .name("s3")
        .time(SystemTime::now())
        .settings(settings)
        .build()?
        .into();
    let signable = SignableRequest::new(
        request.method().as_str(),
        request.uri().to_string(),
        std::iter::once(("host", host)),
        SignableBody::Precomputed(content.to_owned()),
    )?;
    let (signature, _) = sign(signable, &parameters)?.into_parts();
    signature.apply_to_request_http1x(request);
    Ok(())
}

/// Lets requests in that are signed and understood.
struct Gate;

#[async_trait::async_trait]
impl S3Auth for Gate {
    async fn get_secret_key(&self, _access_key: &str) -> S3Result<SecretKey> {
        Ok(SECRET_ACCESS_KEY.into())
    }
}

#[async_trait::async_trait]
impl S3Access for Gate {
    async fn check(&self, context: &mut S3AccessContext<'_>) -> S3Result<()> {
        if context.credentials().is_none() {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        if OWNER_HEADERS.iter().any(|name| {
            let expected = context.headers().get(*name);
            expected.is_some_and(|account| account != ACCOUNT)
        }) {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        match unknown(context.method(), context.uri(), context.headers()) {
            None => Ok(()),
            Some(name) => Err(s3_error!(
                NotImplemented,
                "The local S3 does not know `{name}`"
            )),
        }
    }
}

/// The first header or query parameter that would be ignored.
fn unknown(method: &Method, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let is_ignored = |name: &str| {
        let own = name.starts_with("x-amz-") && !name.starts_with("x-amz-meta-");
        let condition = name.starts_with("if-") && !(name == "if-match" && method == Method::GET);
        condition || REFUSED.contains(&name) || (own && !HEADERS.contains(&name))
    };
    let mut headers = headers.keys().map(HeaderName::as_str);
    // Only an upload can name a part.
    let is_known =
        |name: &str| PARAMETERS.contains(&name) && !(name == "partNumber" && method != Method::PUT);
    let parameters = uri.query().unwrap_or_default().split('&');
    let mut parameters = parameters.filter_map(|pair| pair.split('=').next());
    let header = headers.find(|name| is_ignored(name));
    let parameter = || parameters.find(|name| !name.is_empty() && !is_known(name));
    header.or_else(parameter).map(str::to_owned)
}
