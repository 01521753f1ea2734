//! Which references are built: the globs of `INCLUDE_REFERENCES` and `EXCLUDE_REFERENCES`.
//!
//! A glob without `refs/` in front is a branch's: `release/*` means `refs/heads/release/*`. As in
//! a shell, `*` stays within one part of a name and `**` crosses slashes.

use regex_lite::{Regex, escape};

/// A list of globs over full reference names.
#[derive(Clone, Debug)]
pub struct ReferenceGlobs(Vec<Regex>);

impl ReferenceGlobs {
    /// Reads a comma-separated list. Blanks around a glob are dropped, and so are empty ones; a
    /// comma inside braces belongs to its glob (`{main,release/*}`).
    pub fn parse(list: &str) -> Result<Self, String> {
        let compile = |glob: &str| {
            let full = if glob.starts_with("refs/") {
                glob.to_owned()
            } else {
                format!("refs/heads/{glob}")
            };
            Regex::new(&expression(&full))
                .map_err(|error| format!("`{glob}` is not a glob: {error}"))
        };
        let globs: Result<_, _> = split_outside_braces(list).map(compile).collect();
        globs.map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the globs matches this full name, for instance `refs/heads/feature/x`.
    pub fn matches(&self, full_name: &str) -> bool {
        self.0.iter().any(|glob| glob.is_match(full_name))
    }
}

/// The regular expression that matches what a glob does; one that does not compile where the glob
/// makes no sense. (The SDK brings `regex-lite`; a glob crate would bring half a megabyte.)
fn expression(glob: &str) -> String {
    let mut out = "(?s)^".to_owned();
    let (mut braces, mut in_class, mut starts_part) = (0_usize, false, true);
    let mut rest = glob;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        let starts = std::mem::replace(&mut starts_part, matches!(letter, '/' | '{' | ','));
        match letter {
            ']' if in_class && !out.ends_with(['[', '/']) => {
                in_class = false;
                out.push(']');
            }
            '-' if in_class => out.push('-'),
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                if let Some(after) = rest.strip_prefix(['!', '^']) {
                    rest = after;
                    out.push_str("^/");
                }
            }
            '\\' => {
                let mut letters = rest.chars();
                // Nothing to escape: an open group does not compile.
                let escaped = letters
                    .next()
                    .map_or("(".to_owned(), |next| escape(next.encode_utf8(&mut [0; 4])));
                out.push_str(&escaped);
                rest = letters.as_str();
            }
            '*' if !in_class => {
                // Two stars cross slashes where they are a whole part.
                let after = rest.strip_prefix('*').filter(|_| starts);
                let ends = |after: &&str| {
                    after.is_empty()
                        || after.starts_with('/')
                        || braces > 0 && after.starts_with([',', '}'])
                };
                if let Some(after) = after.filter(ends) {
                    let slash = after.strip_prefix('/');
                    rest = slash.unwrap_or(after);
                    starts_part = slash.is_some();
                    out.push_str(if slash.is_some() { "(?:.*/)?" } else { ".*" });
                } else {
                    out.push_str("[^/]*");
                }
            }
            '?' if !in_class => out.push_str("[^/]"),
            '{' if !in_class => {
                braces += 1;
                out.push_str("(?:");
            }
            '}' if !in_class => {
                braces = braces.saturating_sub(1);
                out.push(')');
            }
            ',' if braces > 0 && !in_class => out.push('|'),
            _ => out.push_str(&escape(letter.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push('$');
    out
}

fn split_outside_braces(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    let globs = list.split(move |letter| {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        letter == ',' && depth == 0
    });
    globs.map(str::trim).filter(|glob| !glob.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_in_a_shell_and_mean_branches_without_refs() {
        for (list, matching, others) in [
            (
                "develop",
                &["refs/heads/develop"][..],
                &[
                    "refs/tags/develop",
                    "refs/heads/feature/develop",
                    "refs/heads/Develop",
                ][..],
            ),
            (
                "feature/*",
                &["refs/heads/feature/x"],
                &["refs/heads/feature/x/y"],
            ),
            ("feature/**", &["refs/heads/feature/x/y"], &[]),
            ("refs/heads/**", &["refs/heads/a/b/c"], &["refs/tags/v1"]),
            (
                " main , {release,hotfix}/*,refs/tags/v* ,, ",
                &[
                    "refs/heads/main",
                    "refs/heads/release/1",
                    "refs/heads/hotfix/2",
                    "refs/tags/v3",
                ],
                &["refs/heads/{release"],
            ),
            (
                "**/fix",
                &["refs/heads/fix", "refs/heads/a/b/fix"],
                &["refs/heads/a/prefix"],
            ),
            (
                "a/**/b",
                &["refs/heads/a/b", "refs/heads/a/x/y/b"],
                &["refs/heads/ab"],
            ),
            ("a**", &["refs/heads/ab"], &["refs/heads/a/b"]),
            (
                "{a/**,b}",
                &["refs/heads/a/x/y", "refs/heads/b"],
                &["refs/heads/b/x"],
            ),
            (
                "v?.[0-9]",
                &["refs/heads/v1.2"],
                &["refs/heads/v1x2", "refs/heads/v/.2"],
            ),
            (
                "[!a]b",
                &["refs/heads/cb"],
                &["refs/heads/ab", "refs/heads//b"],
            ),
            (
                "[]a.]+$",
                &["refs/heads/]+$", "refs/heads/.+$"],
                &["refs/heads/b+$"],
            ),
            (
                "\\*,x\n?",
                &["refs/heads/*", "refs/heads/x\ny"],
                &["refs/heads/a"],
            ),
            (" , ", &[], &["refs/heads/main"]),
        ] {
            let globs = ReferenceGlobs::parse(list).unwrap();
            assert_eq!(globs.is_empty(), matching.is_empty(), "{list}");
            assert!(matching.iter().all(|name| globs.matches(name)), "{list}");
            assert!(!others.iter().any(|name| globs.matches(name)), "{list}");
        }
    }

    #[test]
    fn a_broken_glob_is_named() {
        for broken in ["[a", "{a", "a}", "a\\", "[b-a]"] {
            let error = ReferenceGlobs::parse(&format!("main,{broken}")).unwrap_err();
            let name = format!("`{broken}`");
            assert!(error.contains(&name), "{error}");
        }
    }
}
