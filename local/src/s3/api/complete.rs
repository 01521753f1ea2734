//! CompleteMultipartUpload.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{
    Checksum, CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart,
};
use s3s::{S3Error, S3Request, S3Result, s3_error};

use super::write::{encryption, etag, version_id};
use crate::s3::body::Draft;
use crate::s3::bucket::{current, upload_of};
use crate::s3::checksum::{Kind, Sum, hasher, set_sums};
use crate::s3::claims::{sums_of, verify};
use crate::s3::conditions::WriteCondition;
use crate::s3::layout::hex;
use crate::s3::record::{Content, Part, Upload};
use crate::s3::store::{Store, failed};

/// The smallest part but for the last one, in bytes.
const SMALLEST_PART: u64 = 5 << 20;

pub async fn complete(
    store: &Store,
    request: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<CompleteMultipartUploadOutput> {
    let input = &request.input;
    let condition = WriteCondition::new(input.if_match.clone(), input.if_none_match.as_ref())?;
    let listed = input
        .multipart_upload
        .as_ref()
        .and_then(|upload| upload.parts.as_deref())
        .unwrap_or_default();
    let (upload, parts) = store.read(&input.bucket, |bucket| {
        let upload = upload_of(bucket, &input.key, &input.upload_id)?;
        let parts = chosen(upload, listed)?;
        condition.check(current(bucket, &input.key))?;
        Ok((upload.clone(), parts))
    })?;
    let size: u64 = parts.iter().map(|part| part.size).sum();
    if input
        .mpu_object_size
        .is_some_and(|expected| u64::try_from(expected) != Ok(size))
    {
        let message =
            "The provided 'x-amz-mp-object-size' header does not match what was computed.";
        return Err(s3_error!(InvalidRequest, "{message}"));
    }
    let (draft, file) = Draft::create(&store.layout, &input.bucket).map_err(failed)?;
    let files = parts
        .iter()
        .map(|part| store.layout.data(&input.bucket, &part.data))
        .collect();
    let sum = join(file, files, upload.checksum, &parts).await?;
    draft.seal().map_err(failed)?;
    verify(&sums_of!(input), &sum.to_wire())?;
    let content = Content {
        data: draft.name.clone(),
        size,
        etag: joint_etag(&parts),
        headers: upload.headers.clone(),
        sum: sum.clone(),
        part_sizes: parts.iter().map(|part| part.size).collect(),
    };
    let version = store.complete(&input.bucket, &upload, content, &condition)?;
    draft.keep();
    let host = request
        .headers
        .get(hyper::header::HOST)
        .and_then(|host| host.to_str().ok());
    let mut output = CompleteMultipartUploadOutput {
        bucket: Some(input.bucket.clone()),
        checksum_type: Some(sum.kind.to_wire()),
        e_tag: etag(&version),
        key: Some(input.key.clone()),
        location: Some(format!(
            "http://{}/{}/{}",
            host.unwrap_or("localhost"),
            input.bucket,
            input.key
        )),
        server_side_encryption: encryption(),
        version_id: version_id(store, &input.bucket, &version)?,
        ..Default::default()
    };
    set_sums!(output, sum);
    Ok(output)
}

/// The parts that the client lists, held against those that are there.
fn chosen(upload: &Upload, listed: &[CompletedPart]) -> S3Result<Vec<Part>> {
    if listed.is_empty() {
        let message = "The XML you provided was not well-formed or did not validate against our published schema";
        return Err(s3_error!(MalformedXML, "{message}"));
    }
    if !listed.is_sorted_by_key(|part| part.part_number) {
        return Err(s3_error!(
            InvalidPartOrder,
            "The list of parts was not in ascending order. The parts list must be specified in order by part number."
        ));
    }
    let mut parts = Vec::with_capacity(listed.len());
    for wanted in listed {
        let part = wanted
            .part_number
            .and_then(|number| upload.parts.get(&number))
            .ok_or_else(invalid_part)?;
        if wanted
            .e_tag
            .as_ref()
            .is_some_and(|etag| etag.value() != part.etag)
        {
            return Err(invalid_part());
        }
        verify(&sums_of!(wanted), &part.sum.to_wire()).map_err(|_| invalid_part())?;
        if parts
            .last()
            .is_some_and(|last: &Part| last.number == part.number)
        {
            return Err(invalid_part());
        }
        parts.push(part.clone());
    }
    if parts
        .iter()
        .rev()
        .skip(1)
        .any(|part| part.size < SMALLEST_PART)
    {
        let message = "Your proposed upload is smaller than the minimum allowed size";
        return Err(s3_error!(EntityTooSmall, "{message}"));
    }
    Ok(parts)
}

fn invalid_part() -> S3Error {
    s3_error!(
        InvalidPart,
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
    )
}

/// MD5 of the parts' MD5s, and how many they are.
fn joint_etag(parts: &[Part]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        let bytes: Vec<u8> = (0..part.etag.len() / 2)
            .filter_map(|at| u8::from_str_radix(part.etag.get(2 * at..2 * at + 2)?, 16).ok())
            .collect();
        md5.update(&bytes);
    }
    format!("{}-{}", hex(md5.finalize().as_ref()), parts.len())
}

/// Writes the parts one behind the other, off the async threads, and sums them up.
async fn join(mut whole: File, files: Vec<PathBuf>, kind: Kind, parts: &[Part]) -> S3Result<Sum> {
    let computed = tokio::task::spawn_blocking(move || -> io::Result<Option<Checksum>> {
        let mut hasher = hasher(&[kind.algorithm]);
        let mut buffer = vec![0; 1 << 20];
        for file in files {
            let mut part = File::open(file)?;
            if kind.composite {
                io::copy(&mut part, &mut whole)?;
                continue;
            }
            loop {
                let read = part.read(&mut buffer)?;
                if read == 0 {
                    break;
                }
                hasher.update(&buffer[..read]);
                whole.write_all(&buffer[..read])?;
            }
        }
        Ok((!kind.composite).then(|| hasher.finalize()))
    });
    let computed = computed
        .await
        .map_err(io::Error::other)
        .map_err(failed)?
        .map_err(failed)?;
    Ok(match computed {
        Some(sums) => Sum {
            kind,
            value: kind.algorithm.of(&sums).unwrap_or_default().to_owned(),
        },
        None => Sum::composite(
            kind.algorithm,
            &parts
                .iter()
                .map(|part| part.sum.clone())
                .collect::<Vec<_>>(),
        ),
    })
}
