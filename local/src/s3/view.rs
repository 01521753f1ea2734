//! The folder that a person opens: `{root}/{bucket}/{key}` is the newest version of each object.
//!
//! The files are hard links to the data below `.s3` (copies, where the file system has no links),
//! so they cost no space, appear whole, and nothing that S3 answers depends on them. A key becomes
//! a path component by component, as it is, with three exceptions:
//!
//! - A component that no file can have (empty, `.`, `..`, longer than 255 bytes, with a NUL), or
//!   that starts with `.%` or `.=`, is `.%{its SHA-256}`. A key `photos/` is thus a hidden file in
//!   the folder `photos`.
//! - An object `a` beside objects `a/…` is the file `.=a`: S3 has no folders, so both can exist.
//! - On a file system that takes `A` for `a` the one written last is seen. S3 itself answers right.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::layout::{Layout, remove, sha256};

const ESCAPED: &str = ".%";
const BESIDE_FOLDER: &str = ".=";
/// The longest name of a file on the usual file systems, in bytes.
const LONGEST_NAME: usize = 255;

/// Where the newest version of the object is, or would be.
pub fn path(layout: &Layout, bucket: &str, key: &str) -> PathBuf {
    let plain = plain(layout, bucket, key);
    let beside = beside(&plain);
    if beside.exists() { beside } else { plain }
}

/// Makes `data` the file that is seen for the object.
pub fn show(layout: &Layout, bucket: &str, key: &str, data: &Path) -> io::Result<()> {
    let plain = plain(layout, bucket, key);
    if same_file(&path(layout, bucket, key), data) {
        return Ok(());
    }
    make_folder(
        &layout.root().join(bucket),
        plain.parent().unwrap_or(&plain),
    )?;
    let link = layout.temporary();
    if fs::hard_link(data, &link).is_err() {
        fs::copy(data, &link)?;
    }
    if plain.is_dir() {
        fs::rename(link, beside(&plain))
    } else {
        fs::rename(link, &plain)?;
        remove(&beside(&plain))
    }
}

/// Removes the object's file, and the folders that are then empty.
pub fn hide(layout: &Layout, bucket: &str, key: &str) -> io::Result<()> {
    let file = path(layout, bucket, key);
    if !file.is_dir() {
        match remove(&file) {
            // The path leads through a file: the object was never here.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(()),
            other => other?,
        }
    }
    let top = layout.root().join(bucket);
    let mut folder = file.parent();
    while let Some(empty) = folder.filter(|folder| *folder != top && fs::remove_dir(folder).is_ok())
    {
        let object = beside(empty);
        if object.exists() {
            fs::rename(object, empty)?;
            break;
        }
        folder = empty.parent();
    }
    Ok(())
}

/// Makes the folders from `top` down to `folder`; an object in the way steps aside.
fn make_folder(top: &Path, folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    if folder != top {
        make_folder(top, folder.parent().unwrap_or(top))?;
        if folder.is_file() {
            fs::rename(folder, beside(folder))?;
        }
    }
    fs::create_dir_all(folder)
}

fn plain(layout: &Layout, bucket: &str, key: &str) -> PathBuf {
    let mut path = layout.root().join(bucket);
    path.extend(key.split('/').map(component));
    path
}

fn component(text: &str) -> String {
    let cannot_be = text.is_empty() || text == "." || text == ".." || text.contains('\0');
    let taken = text.starts_with(ESCAPED) || text.starts_with(BESIDE_FOLDER);
    if cannot_be || taken || text.len() > LONGEST_NAME {
        format!("{ESCAPED}{}", sha256(text))
    } else {
        text.to_owned()
    }
}

/// The name of an object's file when a folder has its own.
fn beside(plain: &Path) -> PathBuf {
    let name = super::layout::name(plain);
    if name.len() + BESIDE_FOLDER.len() > LONGEST_NAME {
        plain.with_file_name(format!("{BESIDE_FOLDER}{}", sha256(&name)))
    } else {
        plain.with_file_name(format!("{BESIDE_FOLDER}{name}"))
    }
}

#[cfg(unix)]
fn same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (fs::metadata(one), fs::metadata(other)) {
        (Ok(one), Ok(other)) => (one.dev(), one.ino()) == (other.dev(), other.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn same_file(_: &Path, _: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(layout: &Layout, key: &str, text: &str) {
        let data = layout.temporary();
        fs::write(&data, text).unwrap();
        show(layout, "bucket", key, &data).unwrap();
    }

    fn seen(layout: &Layout, key: &str) -> String {
        fs::read_to_string(path(layout, "bucket", key)).unwrap()
    }

    #[test]
    fn an_ordinary_key_is_an_ordinary_path() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::open(root.path().to_owned()).unwrap();
        shown(&layout, "repo/feature/x y+%#&.zip", "bundle");
        let file = root.path().join("bucket/repo/feature/x y+%#&.zip");
        assert_eq!(fs::read_to_string(file).unwrap(), "bundle");
    }

    #[test]
    fn a_file_and_a_folder_of_one_name_live_side_by_side_in_either_order() {
        for order in [["a", "a/b"], ["a/b", "a"]] {
            let root = tempfile::tempdir().unwrap();
            let layout = Layout::open(root.path().to_owned()).unwrap();
            for key in order {
                shown(&layout, key, key);
            }
            assert_eq!(
                (seen(&layout, "a"), seen(&layout, "a/b")),
                ("a".into(), "a/b".into())
            );
            hide(&layout, "bucket", "a/b").unwrap();
            assert_eq!(
                fs::read_to_string(root.path().join("bucket/a")).unwrap(),
                "a"
            );
            hide(&layout, "bucket", "a").unwrap();
            assert_eq!(fs::read_dir(root.path().join("bucket")).unwrap().count(), 0);
        }
    }

    #[test]
    fn no_key_leaves_the_bucket_and_no_two_keys_meet() {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::open(root.path().to_owned()).unwrap();
        let long = "ü".repeat(400);
        let keys = [
            "..", "../..", "../../x", "/", "//", "/x", "a/", "a//b", "a/./b", "a/../b", "a", "a/b",
            "nul\0", ".=a", ".%a", &long, "\\..\\x", "a\nb", "😀/é",
        ];
        for key in keys {
            shown(&layout, key, key);
        }
        for key in keys {
            assert_eq!(seen(&layout, key), key);
            let real = path(&layout, "bucket", key).canonicalize().unwrap();
            assert!(
                real.starts_with(root.path().join("bucket").canonicalize().unwrap()),
                "{key}"
            );
        }
        for key in keys {
            hide(&layout, "bucket", key).unwrap();
        }
        assert_eq!(fs::read_dir(root.path().join("bucket")).unwrap().count(), 0);
    }
}
