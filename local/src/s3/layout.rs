//! Where things lie on disk, and how they get there whole.
//!
//! ```text
//! {root}/{bucket}/{key}                    newest version, for people: see `view`
//! {root}/.s3/{bucket}/bucket.json          settings
//! {root}/.s3/{bucket}/keys/{sha256 of the key}/{version id}.json
//! {root}/.s3/{bucket}/uploads/{upload id}/upload.json, {part number}.json
//! {root}/.s3/{bucket}/data/{uuid}          bytes of a version or a part, never changed
//! {root}/.s3/tmp/                          what is about to be renamed
//! ```
//!
//! A bucket's name starts with a letter or a digit, so none is ever `.s3`; keys, version ids and
//! upload ids of a request are looked up in memory and never become a path themselves.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use s3s::crypto::{Checksum as _, Sha256};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// The folder of one local S3.
#[derive(Debug)]
pub struct Layout {
    root: PathBuf,
}

impl Layout {
    /// Opens the folder, creating it where needed.
    ///
    /// # Errors
    /// When the folder cannot be created.
    pub fn open(root: PathBuf) -> io::Result<Self> {
        let root = std::path::absolute(root)?;
        fs::create_dir_all(root.join(".s3/tmp"))?;
        sweep(&root.join(".s3/tmp"), |_| false)?;
        Ok(Self { root })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A name in the folder of what is about to be renamed.
    pub fn temporary(&self) -> PathBuf {
        self.root
            .join(".s3/tmp")
            .join(Uuid::new_v4().simple().to_string())
    }

    pub fn bucket(&self, bucket: &str) -> PathBuf {
        self.root.join(".s3").join(bucket)
    }

    pub fn settings(&self, bucket: &str) -> PathBuf {
        self.bucket(bucket).join("bucket.json")
    }

    pub fn data(&self, bucket: &str, name: &str) -> PathBuf {
        self.bucket(bucket).join("data").join(name)
    }

    pub fn version(&self, bucket: &str, key: &str, version_id: &str) -> PathBuf {
        let folder = self.bucket(bucket).join("keys").join(sha256(key));
        folder.join(format!("{version_id}.json"))
    }

    pub fn upload(&self, bucket: &str, upload_id: &str) -> PathBuf {
        self.bucket(bucket).join("uploads").join(upload_id)
    }

    /// The buckets that lie here.
    pub fn buckets(&self) -> io::Result<Vec<String>> {
        let mut names = folder(&self.root.join(".s3"))?;
        names.retain(|path| path.join("bucket.json").exists());
        Ok(names.iter().map(|path| name(path)).collect())
    }

    /// Writes a record so that a reader finds the old one or the new one, never half of it.
    pub fn write(&self, path: &Path, record: &impl Serialize) -> io::Result<()> {
        let temporary = self.temporary();
        fs::write(&temporary, serde_json::to_vec_pretty(record)?)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::rename(temporary, path)
    }

    /// Removes data that no record names: what a kill left behind.
    pub fn sweep(&self, bucket: &str, named: impl Fn(&str) -> bool) -> io::Result<()> {
        sweep(&self.bucket(bucket).join("data"), named)
    }
}

/// Removes the files that are not `kept`. Young ones stay, since another process may be at them.
fn sweep(path: &Path, kept: impl Fn(&str) -> bool) -> io::Result<()> {
    let day_ago = SystemTime::now() - Duration::from_hours(24);
    for path in folder(path)? {
        if !kept(&name(&path)) && fs::metadata(&path)?.modified()? < day_ago {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Reads a record; the error names its path.
pub fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    let named =
        |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    let bytes = fs::read(path).map_err(named)?;
    serde_json::from_slice(&bytes).map_err(|error| named(error.into()))
}

/// What lies in a folder, in no order; nothing when there is no such folder.
pub fn folder(path: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(path) {
        Ok(entries) => entries.map(|entry| Ok(entry?.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// The last component of a path that this module made, hence UTF-8.
pub fn name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// Removes a file; that it is gone already is no error.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// SHA-256 of a text, in hex.
pub fn sha256(text: &str) -> String {
    hex(Sha256::checksum(text.as_bytes()).as_ref())
}

/// Bytes in hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
