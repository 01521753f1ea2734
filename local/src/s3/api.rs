//! The operations by the protocol library's names; each is written in the module of its subject.

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::S3;

mod buckets;
mod copy;
mod delete;
mod lists;
mod read;
mod uploads;
mod write;

macro_rules! operations {
    ($($name:ident($input:ty) -> $output:ty = $how:path;)*) => {
        #[async_trait::async_trait]
        impl s3s::S3 for S3 {
            $(async fn $name(&self, request: S3Request<$input>) -> S3Result<S3Response<$output>> {
                $how(&self.0, request).await.map(S3Response::new)
            })*
        }
    };
}

operations! {
    create_bucket(CreateBucketInput) -> CreateBucketOutput = buckets::create;
    delete_bucket(DeleteBucketInput) -> DeleteBucketOutput = buckets::delete;
    head_bucket(HeadBucketInput) -> HeadBucketOutput = buckets::head;
    list_buckets(ListBucketsInput) -> ListBucketsOutput = buckets::list;
    get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput = buckets::location;
    get_bucket_versioning(GetBucketVersioningInput) -> GetBucketVersioningOutput = buckets::versioning;
    put_bucket_versioning(PutBucketVersioningInput) -> PutBucketVersioningOutput = buckets::set_versioning;
    put_object(PutObjectInput) -> PutObjectOutput = write::put;
    get_object(GetObjectInput) -> GetObjectOutput = read::get;
    head_object(HeadObjectInput) -> HeadObjectOutput = read::head;
    delete_object(DeleteObjectInput) -> DeleteObjectOutput = delete::one;
    delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput = delete::many;
    copy_object(CopyObjectInput) -> CopyObjectOutput = copy::object;
    list_objects(ListObjectsInput) -> ListObjectsOutput = lists::objects;
    list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output = lists::objects_v2;
    list_object_versions(ListObjectVersionsInput) -> ListObjectVersionsOutput = lists::versions;
    list_multipart_uploads(ListMultipartUploadsInput) -> ListMultipartUploadsOutput = lists::uploads;
    create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput = uploads::create;
    upload_part(UploadPartInput) -> UploadPartOutput = uploads::part;
    upload_part_copy(UploadPartCopyInput) -> UploadPartCopyOutput = copy::part;
    complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput = uploads::complete;
    abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput = uploads::abort;
    list_parts(ListPartsInput) -> ListPartsOutput = lists::parts;
}
