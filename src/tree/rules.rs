//! What no tree may hold: names that could leave the build's folder, and more than any invocation
//! can handle. Whoever may push chooses every name and number here.

use std::collections::HashSet;

use crate::git::TreeEntry;

/// Entries in a tree, folders included. The Linux kernel has 100,000; at ten times the calls per
/// second that CodeCommit is known to take, this many could still not be fetched in 15 minutes.
const MOST_ENTRIES: usize = 500_000;

/// Bytes of all paths together: what bounds the memory of a walk.
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
        if path.len() > LONGEST_PATH {
            return Err(format!(
                "the path {} is longer than {LONGEST_PATH} bytes",
                start_of(path)
            ));
        }
        if depth > DEEPEST {
            return Err(format!(
                "{} is more than {DEEPEST} folders deep",
                start_of(path)
            ));
        }
        if self.entries > MOST_ENTRIES {
            return Err(format!("it has more than {MOST_ENTRIES} entries"));
        }
        if self.path_bytes > MOST_PATH_BYTES {
            return Err(format!(
                "its paths have more than {MOST_PATH_BYTES} bytes together"
            ));
        }
        Ok(())
    }
}

/// Checks the names of one folder's entries.
pub fn check_folder(folder: &str, entries: &[TreeEntry]) -> Result<(), String> {
    let mut names = HashSet::with_capacity(entries.len());
    for entry in entries {
        if let Some(rule) = broken_rule(&entry.name) {
            return Err(format!(
                "the name {:?} in folder `{}` {rule}",
                start_of(&entry.name),
                start_of(folder)
            ));
        }
        if !names.insert(entry.name.as_str()) {
            return Err(format!(
                "folder `{}` has two entries named {:?}",
                start_of(folder),
                start_of(&entry.name)
            ));
        }
    }
    Ok(())
}

/// Git writes no such names itself (`verify_path` in its read-cache.c), but a tree can be made by
/// hand. A backslash is an ordinary character, except that what unpacks on Windows takes it for a
/// separator: so it is one here, and nowhere else.
fn broken_rule(name: &str) -> Option<&'static str> {
    if name.contains('/') {
        return Some("contains a slash");
    }
    let bytes = name.as_bytes();
    if bytes.len() > 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' && bytes[2] == b'\\' {
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
                kind: EntryKind::File,
                id: ObjectId::null(gix_hash::Kind::Sha1),
            })
            .collect();
        check_folder("src", &entries)
    }

    #[test]
    fn odd_names_are_ordinary() {
        let odd = [
            "a b",
            "quote\"'",
            "100%",
            "+#&",
            "back\\slash",
            "new\nline",
            "žluť",
            "🦀",
            "...",
            ".gitignore",
            "a..b",
            "C:",
            "-rf",
        ];
        assert_eq!(check(&odd), Ok(()));
    }

    #[test]
    fn names_that_could_leave_the_folder_are_refused_by_name() {
        for name in [
            "",
            ".",
            "..",
            ".git",
            ".GIT",
            "a/b",
            "/etc",
            "..\\x",
            "a\\..\\b",
            "\\x",
            "x\\",
            "C:\\x",
            ".git\\hooks",
        ] {
            let error = check(&[name]).unwrap_err();
            assert!(
                error.contains(&format!("{name:?}")) && error.contains("`src`"),
                "{error}"
            );
        }
    }

    #[test]
    fn two_entries_of_one_name_are_refused() {
        assert!(check(&["a", "b", "a"]).unwrap_err().contains("two entries"));
    }

    #[test]
    fn a_limit_is_passed_by_one_more() {
        let mut limits = Limits::default();
        assert_eq!(limits.count(&"x".repeat(LONGEST_PATH), DEEPEST), Ok(()));
        assert!(limits.count(&"x".repeat(LONGEST_PATH + 1), 1).is_err());
        assert!(limits.count("x", DEEPEST + 1).is_err());

        let mut limits = Limits {
            entries: MOST_ENTRIES - 1,
            path_bytes: 0,
        };
        assert_eq!(limits.count("x", 1), Ok(()));
        assert!(limits.count("x", 1).unwrap_err().contains("entries"));

        let mut limits = Limits {
            entries: 0,
            path_bytes: MOST_PATH_BYTES - 1,
        };
        assert_eq!(limits.count("x", 1), Ok(()));
        assert!(limits.count("x", 1).unwrap_err().contains("bytes together"));
    }
}
