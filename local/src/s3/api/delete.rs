//! DeleteObject and DeleteObjects.

use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ETagCondition, Error, ObjectIdentifier,
};
use s3s::{S3Request, S3Result, s3_error};

use crate::s3::conditions::WriteCondition;
use crate::s3::store::Store;

/// The most keys of one DeleteObjects.
const MOST_KEYS: usize = 1000;

pub fn one(store: &Store, request: S3Request<DeleteObjectInput>) -> S3Result<DeleteObjectOutput> {
    let input = request.input;
    let condition = WriteCondition::new(input.if_match, None)?;
    let deletion = store.delete(
        &input.bucket,
        &input.key,
        input.version_id.as_deref(),
        &condition,
    )?;
    Ok(DeleteObjectOutput {
        delete_marker: deletion.marker.then_some(true),
        version_id: deletion.version_id,
        ..Default::default()
    })
}

pub fn many(
    store: &Store,
    request: S3Request<DeleteObjectsInput>,
) -> S3Result<DeleteObjectsOutput> {
    let DeleteObjectsInput { bucket, delete, .. } = request.input;
    store.read(&bucket, |_| Ok(()))?;
    if delete.objects.is_empty() || delete.objects.len() > MOST_KEYS {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        return Err(s3_error!(MalformedXML, "{message}"));
    }
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for object in delete.objects {
        let ObjectIdentifier {
            key,
            version_id,
            e_tag,
            ..
        } = object;
        let condition = WriteCondition::new(e_tag.map(ETagCondition::ETag), None)?;
        match store.delete(&bucket, &key, version_id.as_deref(), &condition) {
            Ok(deletion) => deleted.push(DeletedObject {
                delete_marker: deletion.marker.then_some(true),
                delete_marker_version_id: deletion.version_id.filter(|_| deletion.marker),
                key: Some(key),
                version_id,
            }),
            Err(error) => errors.push(Error {
                code: Some(error.code().as_str().to_owned()),
                key: Some(key),
                message: error.message().map(ToOwned::to_owned),
                version_id,
            }),
        }
    }
    let quiet = delete.quiet.unwrap_or(false);
    Ok(DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: Some(errors),
        ..Default::default()
    })
}
