//! The operations by the protocol library's names; each is written in the module of its subject.

#[allow(clippy::wildcard_imports, reason = "two types for each operation")]
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::S3;

mod buckets;
mod complete;
mod copy;
mod delete;
mod objects;
mod read;
mod unfinished;
mod uploads;
mod versions;
mod write;

macro_rules! operations {
    (|$store:ident, $request:ident| $($name:ident($input:ty) -> $output:ty = $answer:expr;)*) => {
        #[async_trait::async_trait]
        impl s3s::S3 for S3 {
            $(async fn $name(&self, $request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                let $store = &*self.0;
                $answer.map(S3Response::new)
            })*
        }
    };
}

operations! { |store, request|
    create_bucket(CreateBucketInput) -> CreateBucketOutput = buckets::create(store, request);
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput = buckets::delete(store, request);
    head_bucket(HeadBucketInput) -> HeadBucketOutput = buckets::head(store, request);
    list_buckets(ListBucketsInput) -> ListBucketsOutput = buckets::list(store, request);
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput = buckets::location(store, request);
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput = buckets::versioning(store, request);
    put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput = buckets::set_versioning(store, request);
    put_object(PutObjectInput) -> PutObjectOutput = write::put(store, request).await;
    get_object(GetObjectInput) -> GetObjectOutput = read::get(store, request).await;
    head_object(HeadObjectInput) -> HeadObjectOutput = read::head(store, request);
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = delete::one(store, request);
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = delete::many(store, request);
    copy_object(CopyObjectInput) -> CopyObjectOutput = copy::object(store, request).await;
    list_objects(ListObjectsInput) -> ListObjectsOutput = objects::list(store, request);
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = objects::list_v2(store, request);
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput = versions::list(store, request);
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput = unfinished::uploads(store, request);
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput = uploads::create(store, request);
    upload_part(UploadPartInput) -> UploadPartOutput = uploads::part(store, request).await;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput = copy::part(store, request).await;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput = complete::complete(store, request).await;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput = uploads::abort(store, request);
    list_parts(ListPartsInput) -> ListPartsOutput = unfinished::parts(store, request);
}
