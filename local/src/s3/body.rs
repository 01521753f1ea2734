//! Bodies on their way to disk and back: streamed, hashed as they pass, and gone again when the
//! request fails on the way.

use std::io::{self, SeekFrom};
use std::ops::Range;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use md5::{Digest as _, Md5};
use s3s::crypto::{Checksum as _, Crc32};
use s3s::dto::StreamingBlob;
use s3s::{S3Result, TrailingHeaders, s3_error};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};
use uuid::Uuid;

use super::disk::{self, Folder};
use super::record::{Content, Headers};
use super::store::failed;

/// A data file without a record: removed when dropped, unless kept.
#[derive(Debug)]
pub struct Draft {
    pub name: String,
    path: PathBuf,
    kept: bool,
}

impl Draft {
    /// A new file in the bucket's folder. It is made at once, not on another thread: a request
    /// that ends meanwhile would remove it before it is there.
    pub fn create(folder: &Folder) -> io::Result<(Self, std::fs::File)> {
        let name = Uuid::new_v4().simple().to_string();
        let path = folder.data(&name);
        let file = std::fs::File::create_new(&path)?;
        let kept = false;
        Ok((Self { name, path, kept }, file))
    }

    /// Makes the file read-only, because it is also what people see.
    pub fn seal(&self) -> io::Result<()> {
        let mut permissions = std::fs::metadata(&self.path)?.permissions();
        permissions.set_readonly(true);
        std::fs::set_permissions(&self.path, permissions)
    }

    /// Leaves the file where it is when dropped.
    pub fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.kept {
            let _ = disk::remove(&self.path);
        }
    }
}

pub type Md5Sum = md5::digest::Output<Md5>;

/// What a client says of the body it sends.
#[derive(Debug, Default)]
pub struct Claims {
    pub length: Option<i64>,
    /// The checksum, if it came as a header.
    pub crc32: Option<String>,
    /// Where the checksum comes otherwise, behind a body that is streamed.
    pub trailers: Option<TrailingHeaders>,
}

/// A body that has arrived whole.
#[derive(Debug)]
pub struct Received {
    pub draft: Draft,
    pub size: u64,
    pub md5: Md5Sum,
    /// In base64.
    pub crc32: String,
    /// Whether the client sent the checksum, too.
    pub has_checksum: bool,
}

/// Writes a body to a new data file, and compares it with what the client says of it.
pub async fn receive(
    folder: &Folder,
    body: Option<StreamingBlob>,
    claims: Claims,
) -> S3Result<Received> {
    // The library also reports a body here that does not have the SHA-256 that was signed.
    let incomplete = || {
        let message =
            "You did not provide the number of bytes specified by the Content-Length HTTP header";
        s3_error!(IncompleteBody, "{message}")
    };
    let (draft, file) = Draft::create(folder).map_err(failed)?;
    let mut file = File::from_std(file);
    let (mut size, mut md5, mut crc32) = (0, Md5::new(), Crc32::new());
    let mut body = body.map_or_else(|| stream::empty().boxed(), |body| body.boxed());
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| incomplete())?;
        size += chunk.len() as u64;
        md5.update(&chunk);
        crc32.update(&chunk);
        file.write_all(&chunk).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    let announced = claims.length.map(u64::try_from);
    if announced.is_some_and(|length| length != Ok(size)) {
        return Err(incomplete());
    }
    let trailer = claims.trailers.and_then(|trailers| {
        let value = trailers.read(|trailers| trailers.get("x-amz-checksum-crc32").cloned())??;
        value.to_str().map(str::to_owned).ok()
    });
    let crc32 = STANDARD.encode(crc32.finalize());
    let sent = claims.crc32.or(trailer);
    if sent.as_ref().is_some_and(|sent| *sent != crc32) {
        let message = "The CRC32 you specified did not match the calculated checksum.";
        return Err(s3_error!(BadDigest, "{message}"));
    }
    draft.seal().map_err(failed)?;
    Ok(Received {
        draft,
        size,
        md5: md5.finalize(),
        crc32,
        has_checksum: sent.is_some(),
    })
}

impl Received {
    /// What is known of it as a whole object.
    pub fn content(&self, headers: Headers) -> Content {
        Content {
            size: self.size,
            etag: hex::encode(self.md5),
            crc32: self.has_checksum.then(|| self.crc32.clone()),
            headers,
        }
    }
}

/// The bytes of a data file from `range.start` up to, not including, `range.end`.
pub async fn send(file: std::fs::File, range: Range<u64>) -> S3Result<StreamingBlob> {
    const AT_ONCE: u64 = 256 << 10;
    let mut file = File::from_std(file);
    let start = SeekFrom::Start(range.start);
    file.seek(start).await.map_err(failed)?;
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
