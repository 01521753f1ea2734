//! Bytes on their way to disk and back: streamed, hashed as they pass, and gone again when the
//! request fails on the way.

use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use hyper::StatusCode;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Error, S3ErrorCode, S3Result, s3_error};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use super::checksum::{Algorithm, hasher};
use super::claims::{Claims, verify, with_trailers};
use super::layout::{Layout, hex};
use super::store::failed;

/// A data file that nothing names yet: removed when dropped, unless kept.
#[derive(Debug)]
pub struct Draft {
    pub name: String,
    pub path: PathBuf,
    kept: bool,
}

impl Draft {
    /// A new file in the bucket's data folder. It is made at once, not on another thread: a request
    /// that ends meanwhile would remove it before it is there.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(layout: &Layout, bucket: &str) -> io::Result<(Self, std::fs::File)> {
        let name = Uuid::new_v4().simple().to_string();
        let path = layout.data(bucket, &name);
        let file = std::fs::File::create_new(&path)?;
        Ok((
            Self {
                name,
                path,
                kept: false,
            },
            file,
        ))
    }

    /// Makes the file read-only, for it is also what people see.
    ///
    /// # Errors
    /// When the file's permissions cannot be changed.
    pub fn seal(&self) -> io::Result<()> {
        let mut permissions = std::fs::metadata(&self.path)?.permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(&self.path, permissions)
    }

    /// A record names the file now.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            let _ = super::layout::remove(&self.path);
        }
    }
}

/// A body that has arrived whole.
#[derive(Debug)]
pub struct Received {
    pub draft: Draft,
    pub size: u64,
    /// In hex.
    pub md5: String,
    /// Of the algorithms asked for, and of the client's own.
    pub sums: Checksum,
}

/// Writes a body to a new data file, and holds it against what the client says of it.
///
/// # Errors
/// `BadDigest`, `InvalidDigest`, `XAmzContentSHA256Mismatch`, `IncompleteBody`.
pub async fn receive(
    layout: &Layout,
    bucket: &str,
    body: Option<StreamingBlob>,
    wanted: Algorithm,
    claims: &Claims,
) -> S3Result<Received> {
    let mut algorithms = vec![wanted];
    algorithms.extend(claims.algorithm);
    if claims.envelope.sha256.is_some() {
        algorithms.push(Algorithm::Sha256);
    }
    let (draft, file) = Draft::create(layout, bucket).map_err(failed)?;
    let mut file = File::from_std(file);
    let (mut size, mut md5, mut hasher) = (0, Md5::new(), hasher(&algorithms));
    let mut body = body.map_or_else(|| stream::empty().boxed(), |body| body.boxed());
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|error| match error.downcast::<S3Error>() {
            Ok(error) => *error,
            Err(_) => incomplete(),
        })?;
        size += chunk.len() as u64;
        md5.update(&chunk);
        hasher.update(&chunk);
        file.write_all(&chunk).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    if claims
        .length
        .is_some_and(|length| u64::try_from(length) != Ok(size))
    {
        return Err(incomplete());
    }
    let (md5, sums) = (md5.finalize(), hasher.finalize());
    if let Some(sent) = &claims.md5 {
        let sent = STANDARD
            .decode(sent)
            .ok()
            .filter(|sent| sent.len() == md5.as_ref().len());
        let sent = sent.ok_or_else(|| {
            s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid.")
        })?;
        if sent != md5.as_ref() {
            let message = "The Content-MD5 you specified did not match what we received.";
            return Err(s3_error!(BadDigest, "{message}"));
        }
    }
    let computed = sums
        .checksum_sha256
        .as_ref()
        .and_then(|sum| STANDARD.decode(sum).ok());
    if let (Some(sent), Some(computed)) = (&claims.envelope.sha256, computed)
        && !sent.eq_ignore_ascii_case(&hex(&computed))
    {
        let message =
            "The provided 'x-amz-content-sha256' header does not match what was computed.";
        let code = S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
        let mut error = S3Error::with_message(code, message);
        error.set_status_code(StatusCode::BAD_REQUEST);
        return Err(error);
    }
    let trailers = claims
        .envelope
        .trailers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    verify(&with_trailers(claims.sums.clone(), &trailers), &sums)?;
    draft.seal().map_err(failed)?;
    let md5 = hex(md5.as_ref());
    Ok(Received {
        draft,
        size,
        md5,
        sums,
    })
}

/// The bytes of a data file from `range.start` up to, not including, `range.end`.
///
/// # Errors
/// When the file cannot be opened.
pub async fn send(path: &Path, range: Range<u64>) -> S3Result<StreamingBlob> {
    const AT_ONCE: u64 = 256 << 10;
    let mut file = File::open(path).await.map_err(failed)?;
    file.seek(SeekFrom::Start(range.start))
        .await
        .map_err(failed)?;
    let left = range.end - range.start;
    Ok(StreamingBlob::wrap(stream::try_unfold(
        (file, left),
        |(mut file, left)| async move {
            let wanted = usize::try_from(left.min(AT_ONCE)).unwrap_or_default();
            if wanted == 0 {
                return Ok::<_, io::Error>(None);
            }
            let mut chunk = BytesMut::zeroed(wanted);
            file.read_exact(&mut chunk).await?;
            Ok(Some((Bytes::from(chunk), (file, left - wanted as u64))))
        },
    )))
}

fn incomplete() -> S3Error {
    s3_error!(
        IncompleteBody,
        "You did not provide the number of bytes specified by the Content-Length HTTP header"
    )
}
