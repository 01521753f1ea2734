//! Refuses trees with names that could leave the build's folder, and trees that are larger than any
//! invocation can handle. Everybody who may push can choose all names and sizes in a tree.

use std::collections::HashSet;

use crate::git::TreeEntry;

/// Entries in a tree, folders included. The Linux kernel has 100,000; at ten times the calls per
/// second that CodeCommit is known to take, this many could still not be fetched in 15 minutes.
const MOST_ENTRIES: usize = 500_000;

/// Bytes of all paths together: this bounds a walk's memory.
const MOST_PATH_BYTES: usize = 64 * 1024 * 1024;

/// Bytes in one path: Linux's `PATH_MAX`, and CodeCommit's own limit:
/// <https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html>.
const LONGEST_PATH: usize = 4_096;

/// Folders within folders. CodeCommit's limit for its own commits is 20; Git has none.
const DEEPEST: usize = 200;

/// How much of each limit a walk has used.
#[derive(Debug, Default)]
pub struct Limits {
    entries: usize,
    path_bytes: usize,
}

impl Limits {
    /// Counts one more entry.
    pub fn count(&mut self, path: &str, depth: usize) -> Result<(), String> {
        self.entries += 1;
        self.path_bytes += path.len();
        let why = if path.len() > LONGEST_PATH {
            let start = start_of(path);
            format!("the path {start} is longer than {LONGEST_PATH} bytes")
        } else if depth > DEEPEST {
            let start = start_of(path);
            format!("{start} is more than {DEEPEST} folders deep")
        } else if self.entries > MOST_ENTRIES {
            format!("it has more than {MOST_ENTRIES} entries")
        } else if self.path_bytes > MOST_PATH_BYTES {
            format!("its paths have more than {MOST_PATH_BYTES} bytes together")
        } else {
            return Ok(());
        };
        Err(why)
    }
}

/// Checks the names of one folder's entries.
pub fn check_folder(folder: &str, entries: &[TreeEntry]) -> Result<(), String> {
    let mut names = HashSet::with_capacity(entries.len());
    for TreeEntry { name, .. } in entries {
        let broken = broken_rule(name).or_else(|| {
            let is_second = !names.insert(name);
            is_second.then_some("occurs twice")
        });
        if let Some(rule) = broken {
            let (name, folder) = (start_of(name), start_of(folder));
            return Err(format!("the name {name:?} in folder `{folder}` {rule}"));
        }
    }
    Ok(())
}

/// Git writes no such names itself (`verify_path` in its read-cache.c), but a tree can be made by
/// hand. A backslash is an ordinary character elsewhere; here it separates parts, because programs
/// that unpack on Windows take it for a separator.
fn broken_rule(name: &str) -> Option<&'static str> {
    if name.contains('/') {
        return Some("contains a slash");
    }
    if let [drive, b':', b'\\', ..] = name.as_bytes()
        && drive.is_ascii_alphabetic()
    {
        return Some("is an absolute path");
    }
    name.split('\\').find_map(|part| match part {
        "" => Some("has an empty part"),
        "." | ".." => Some("could leave its folder"),
        _ if part.eq_ignore_ascii_case(".git") => Some("would change Git's own folder"),
        _ => None,
    })
}

/// As much of a path as a log line has room for.
pub fn start_of(path: &str) -> String {
    path.chars().take(100).collect()
}

#[cfg(test)]
mod tests {
    use gix_hash::ObjectId;

    use super::*;
    use crate::git::EntryKind;

    fn check(names: &[&str]) -> Result<(), String> {
        let entries: Vec<_> = names
            .iter()
            .map(|name| TreeEntry {
                name: (*name).to_owned(),
                kind: EntryKind::Blob,
                id: ObjectId::null(gix_hash::Kind::Sha1),
            })
            .collect();
        check_folder("src", &entries)
    }

    #[test]
    fn odd_names_are_ordinary() {
        let odd = "a b,quote\"',100%,+#&,back\\slash,new\nline,žluť,🦀,...,.gitignore,a..b,C:,-rf";
        assert_eq!(check(&odd.split(',').collect::<Vec<_>>()), Ok(()));
    }

    #[test]
    fn names_that_could_leave_the_folder_or_occur_twice_are_refused_by_name() {
        let refused = r",.,..,.git,.GIT,a/b,/etc,..\x,a\..\b,\x,x\,C:\x,.git\hooks";
        for name in refused.split(',') {
            let error = check(&[name]).unwrap_err();
            let start = format!("the name {name:?} in folder `src` ");
            assert!(error.starts_with(&start), "{error}");
        }
        let error = check(&["a", "b", "a"]).unwrap_err();
        assert_eq!(error, r#"the name "a" in folder `src` occurs twice"#);
    }

    #[test]
    fn a_limit_is_passed_by_one_more() {
        let long = "x".repeat(LONGEST_PATH + 1);
        for (entries, path_bytes, path, depth, expected) in [
            (0, 0, &long[1..], DEEPEST, None),
            (0, 0, &long, 1, Some("longer than 4096 bytes")),
            (0, 0, "x", DEEPEST + 1, Some("200 folders deep")),
            (MOST_ENTRIES - 1, 0, "x", 1, None),
            (MOST_ENTRIES, 0, "x", 1, Some("more than 500000 entries")),
            (0, MOST_PATH_BYTES - 1, "x", 1, None),
            (0, MOST_PATH_BYTES, "x", 1, Some("bytes together")),
        ] {
            let mut limits = Limits {
                entries,
                path_bytes,
            };
            let error = limits.count(path, depth).err();
            let is_expected = match (&error, expected) {
                (None, None) => true,
                (Some(error), Some(words)) => error.contains(words),
                _ => false,
            };
            assert!(is_expected, "{error:?}, not {expected:?}");
        }
    }
}
