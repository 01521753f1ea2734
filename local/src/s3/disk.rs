//! The files of a bucket.
//!
//! ```text
//! {root}/{bucket}/{key}                 the newest version, for people
//! {root}/.versions/{bucket}/{id}        bytes of a version, never changed
//! {root}/.versions/{bucket}/{id}.json   what is known of a version
//! ```
//!
//! A version is there once its record is, which one rename puts in place: a kill loses nothing
//! that was answered. The files for people are hard links to the data, so they cost no space; what
//! S3 answers does not depend on them. A key that cannot be a path there (an empty component, `..`,
//! an object `a` beside objects `a/…`) has its data file alone.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::store::Version;

/// The longest name of a file on the usual file systems, in bytes.
const LONGEST_NAME: usize = 255;

#[derive(Clone, Debug)]
pub struct Folder {
    shown: PathBuf,
    data: PathBuf,
}

impl Folder {
    /// A bucket's name starts with a letter or a digit, so it is never `.versions`.
    pub fn of(root: &Path, bucket: &str) -> Self {
        Self {
            shown: root.join(bucket),
            data: root.join(".versions").join(bucket),
        }
    }

    /// Makes the folders where they are missing, and reads what an earlier process left in them:
    /// the versions of each key, newest first. Shows the newest ones.
    pub fn open(&self) -> io::Result<BTreeMap<String, Vec<Version>>> {
        fs::create_dir_all(&self.shown)?;
        fs::create_dir_all(&self.data)?;
        let mut keys: BTreeMap<String, Vec<Version>> = BTreeMap::new();
        for entry in fs::read_dir(&self.data)? {
            let path = entry?.path();
            if path.extension().is_none_or(|kind| kind != "json") {
                continue;
            }
            let version: Version = serde_json::from_slice(&fs::read(&path)?).map_err(|error| {
                let (path, folder) = (path.display(), self.data.display());
                io::Error::other(format!(
                    "{path}: {error} (another version of pushbuild wrote it: remove {folder})"
                ))
            })?;
            keys.entry(version.key.clone()).or_default().push(version);
        }
        for versions in keys.values_mut() {
            versions.sort_by_key(|version| Reverse(version.sequence));
            self.show(&versions[0])?;
        }
        Ok(keys)
    }

    /// Where the bytes of a version are.
    pub fn data(&self, version_id: &str) -> PathBuf {
        self.data.join(version_id)
    }

    /// Writes the bytes of a version that has no record yet. The file is read-only: people see it.
    pub fn write_data(&self, version_id: &str, parts: &[Bytes]) -> io::Result<()> {
        let mut file = File::create_new(self.data(version_id))?;
        for part in parts {
            file.write_all(part)?;
        }
        let mut permissions = file.metadata()?.permissions();
        permissions.set_readonly(true);
        file.set_permissions(permissions)
    }

    /// Writes a version's record: whole, or not at all.
    pub fn write_record(&self, version: &Version) -> io::Result<()> {
        let record = self.data(&format!("{}.json", version.version_id));
        let temporary = record.with_extension("temporary");
        fs::write(&temporary, serde_json::to_vec_pretty(version)?)?;
        fs::rename(temporary, record)
    }

    /// Where the version's bytes can be read: the file for people if it shows them.
    pub fn path(&self, version: &Version) -> PathBuf {
        self.place(&version.key)
            .filter(|path| path.is_file())
            .unwrap_or_else(|| self.data(&version.version_id))
    }

    /// Makes the version what people see under its key.
    pub fn show(&self, version: &Version) -> io::Result<()> {
        let Some(place) = self.place(&version.key) else {
            return Ok(());
        };
        self.hide(&place)?;
        let folder = place.parent().unwrap_or(&self.shown);
        if version.is_deleted || place.exists() || fs::create_dir_all(folder).is_err() {
            // Deleted, or a folder stands in the way of a file, or a file in that of a folder.
            return Ok(());
        }
        let data = self.data(&version.version_id);
        match fs::hard_link(&data, &place) {
            // A file system without links.
            Err(_) => fs::copy(&data, &place).map(drop),
            linked => linked,
        }
    }

    /// Removes what people see of a key, and the folders that are then empty.
    fn hide(&self, place: &Path) -> io::Result<()> {
        if !place.is_file() {
            return Ok(());
        }
        fs::remove_file(place)?;
        let folders = place.ancestors().skip(1);
        let _ = folders
            .take_while(|folder| *folder != self.shown && fs::remove_dir(folder).is_ok())
            .count();
        Ok(())
    }

    fn place(&self, key: &str) -> Option<PathBuf> {
        let fits = |part: &str| {
            let special = part.is_empty() || part == "." || part == "..";
            !special && part.len() <= LONGEST_NAME && !part.contains(['\0', '\\'])
        };
        key.split('/').all(fits).then(|| self.shown.join(key))
    }
}
