//! The files of a bucket.
//!
//! ```text
//! {root}/{bucket}/{key}            the newest version, for people
//! {root}/.s3/{bucket}/{name}       bytes of a version or a part, never changed
//! {root}/.s3/{bucket}/{name}.json  what is known of a version
//! ```
//!
//! A version is there once its record is, which one rename puts in place: a kill loses nothing
//! that was answered. The files for people are hard links to the data, so they cost no space; what
//! S3 answers does not depend on them. A key that cannot be a path there (an empty component, `..`,
//! an object `a` beside objects `a/…`) has its data file alone.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::record::Version;

/// The longest name of a file on the usual file systems, in bytes.
const LONGEST_NAME: usize = 255;
/// Younger files without a record may be another process's, which is about to write it.
const ABANDONED_AFTER: Duration = Duration::from_hours(24);

#[derive(Clone, Debug)]
pub struct Folder {
    shown: PathBuf,
    data: PathBuf,
}

impl Folder {
    /// A bucket's name starts with a letter or a digit, so it is never `.s3`.
    pub fn of(root: &Path, bucket: &str) -> Self {
        Self {
            shown: root.join(bucket),
            data: root.join(".s3").join(bucket),
        }
    }

    /// Makes the folders where they are missing, and reads what an earlier process left in them:
    /// the versions of each key, newest first. Shows the newest ones, and removes files that a kill
    /// left without a record.
    pub fn open(&self) -> io::Result<BTreeMap<String, Vec<Version>>> {
        fs::create_dir_all(&self.shown)?;
        fs::create_dir_all(&self.data)?;
        let mut keys: BTreeMap<String, Vec<Version>> = BTreeMap::new();
        let (mut named, mut others) = (HashSet::new(), Vec::new());
        for entry in fs::read_dir(&self.data)? {
            let path = entry?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
            {
                let version: Version = serde_json::from_slice(&fs::read(&path)?)
                    .map_err(|error| {
                        let (path, folder) = (path.display(), self.data.display());
                        io::Error::other(format!(
                            "{path}: {error} (another version of pushbuild wrote it: remove {folder})"
                        ))
                    })?;
                named.insert(self.data(&version.version_id));
                keys.entry(version.key.clone()).or_default().push(version);
            } else {
                others.push(path);
            }
        }
        let recent = SystemTime::now() - ABANDONED_AFTER;
        for path in others.iter().filter(|path| !named.contains(*path)) {
            if fs::metadata(path)?.modified()? < recent {
                remove(path)?;
            }
        }
        for versions in keys.values_mut() {
            versions.sort_by_key(|version| Reverse(version.sequence));
            self.show(&versions[0])?;
        }
        Ok(keys)
    }

    /// Where the bytes of a version or a part are.
    pub fn data(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    /// Writes a version's record: whole, or not at all.
    pub fn write(&self, version: &Version) -> io::Result<()> {
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
        self.hide(&version.key)?;
        let (Some(place), Some(_)) = (self.place(&version.key), &version.content) else {
            return Ok(());
        };
        let folder = place.parent().unwrap_or(&self.shown);
        if place.exists() || fs::create_dir_all(folder).is_err() {
            // A folder stands in the way of a file, or a file in that of a folder.
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
    pub fn hide(&self, key: &str) -> io::Result<()> {
        let Some(place) = self.place(key).filter(|place| place.is_file()) else {
            return Ok(());
        };
        remove(&place)?;
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

pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
