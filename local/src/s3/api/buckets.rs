//! Buckets and whether they keep versions.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "all operations have one shape"
)]

use s3s::dto::{
    Bucket, BucketLocationConstraint, BucketVersioningStatus, CreateBucketInput,
    CreateBucketOutput, DeleteBucketInput, DeleteBucketOutput, GetBucketLocationInput,
    GetBucketLocationOutput, GetBucketVersioningInput, GetBucketVersioningOutput, HeadBucketInput,
    HeadBucketOutput, ListBucketsInput, ListBucketsOutput, Owner, PutBucketVersioningInput,
    PutBucketVersioningOutput,
};
use s3s::{S3Request, S3Result, s3_error};

use crate::s3::record::{Versioning, timestamp};
use crate::s3::store::Store;

const DEFAULT_REGION: &str = "us-east-1";

pub fn create(
    store: &Store,
    request: S3Request<CreateBucketInput>,
) -> S3Result<CreateBucketOutput> {
    let input = request.input;
    let constraint = input
        .create_bucket_configuration
        .and_then(|configuration| configuration.location_constraint);
    store.create_bucket(
        &input.bucket,
        constraint.map(|region| region.as_str().to_owned()),
    )?;
    let location = Some(format!("/{}", input.bucket));
    Ok(CreateBucketOutput { location })
}

pub fn delete(
    store: &Store,
    request: S3Request<DeleteBucketInput>,
) -> S3Result<DeleteBucketOutput> {
    store.delete_bucket(&request.input.bucket)?;
    Ok(DeleteBucketOutput::default())
}

pub fn head(store: &Store, request: S3Request<HeadBucketInput>) -> S3Result<HeadBucketOutput> {
    let region = store.read(&request.input.bucket, |bucket| {
        Ok(bucket.record.region.clone())
    })?;
    let bucket_region = Some(region.unwrap_or_else(|| DEFAULT_REGION.to_owned()));
    Ok(HeadBucketOutput {
        bucket_region,
        ..Default::default()
    })
}

pub fn list(store: &Store, request: S3Request<ListBucketsInput>) -> S3Result<ListBucketsOutput> {
    let prefix = request.input.prefix;
    let listed = store.buckets().into_iter();
    let listed = listed.filter(|(name, _)| {
        prefix
            .as_ref()
            .is_none_or(|prefix| name.starts_with(prefix))
    });
    let buckets = listed.map(|(name, record)| Bucket {
        bucket_region: record.region,
        creation_date: Some(timestamp(record.created_ms)),
        name: Some(name),
    });
    Ok(ListBucketsOutput {
        buckets: Some(buckets.collect()),
        owner: Some(owner()),
        prefix,
        continuation_token: None,
    })
}

pub fn location(
    store: &Store,
    request: S3Request<GetBucketLocationInput>,
) -> S3Result<GetBucketLocationOutput> {
    let region = store.read(&request.input.bucket, |bucket| {
        Ok(bucket.record.region.clone())
    })?;
    let location_constraint = region.map(BucketLocationConstraint::from);
    Ok(GetBucketLocationOutput {
        location_constraint,
    })
}

pub fn versioning(
    store: &Store,
    request: S3Request<GetBucketVersioningInput>,
) -> S3Result<GetBucketVersioningOutput> {
    let status = match store.read(&request.input.bucket, |bucket| Ok(bucket.record.versioning))? {
        Versioning::Never => None,
        Versioning::Enabled => Some(BucketVersioningStatus::ENABLED),
        Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
    };
    let status = status.map(BucketVersioningStatus::from_static);
    Ok(GetBucketVersioningOutput {
        status,
        ..Default::default()
    })
}

pub fn set_versioning(
    store: &Store,
    request: S3Request<PutBucketVersioningInput>,
) -> S3Result<PutBucketVersioningOutput> {
    let input = request.input;
    let versioning = match input
        .versioning_configuration
        .status
        .as_ref()
        .map(BucketVersioningStatus::as_str)
    {
        Some(BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        _ => {
            return Err(s3_error!(
                IllegalVersioningConfigurationException,
                "The Versioning element must be specified"
            ));
        }
    };
    store.set_versioning(&input.bucket, versioning)?;
    Ok(PutBucketVersioningOutput::default())
}

/// Who owns everything here.
pub fn owner() -> Owner {
    Owner {
        display_name: None,
        id: Some("0".repeat(64)),
    }
}
