//! Which references are built: the globs of `INCLUDE_REFERENCES` and `EXCLUDE_REFERENCES`.

use fast_glob::{glob_match, validate};

/// A list of globs over full reference names.
#[derive(Clone, Debug)]
pub struct ReferenceGlobs(Vec<String>);

impl ReferenceGlobs {
    /// Reads a comma-separated list. Blanks around a glob are dropped, and so are empty ones; a
    /// comma inside braces belongs to its glob (`{main,release/*}`).
    pub fn parse(list: &str) -> Result<Self, String> {
        let full = |glob: &str| {
            let full = full_name(glob);
            match validate(&full) {
                Ok(()) => Ok(full),
                Err(error) => Err(format!("`{glob}` is not a glob: {error}")),
            }
        };
        let globs: Result<_, _> = split_outside_braces(list).map(full).collect();
        globs.map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the globs matches this full name, for instance `refs/heads/feature/x`.
    pub fn matches(&self, full_name: &str) -> bool {
        self.0.iter().any(|glob| glob_match(glob, full_name))
    }
}

/// A name or glob without `refs/` in front is a branch's.
fn full_name(name: &str) -> String {
    if name.starts_with("refs/") {
        return name.to_owned();
    }
    format!("refs/heads/{name}")
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
        let several = " main , {release,hotfix}/*,refs/tags/v* ,, ";
        for (list, matching, others) in [
            ("develop", "develop", "refs/tags/develop a/develop Develop"),
            ("feature/*", "feature/x", "feature/x/y"),
            ("feature/**", "feature/x/y", "feature"),
            ("refs/heads/**", "a/b/c", "refs/tags/v1"),
            (several, "main release/1 hotfix/2 refs/tags/v3", "{release"),
            ("**/fix", "fix a/b/fix", "a/prefix"),
            ("a/**/b", "a/b a/x/y/b", "ab"),
            ("a**", "ab", "a/b"),
            ("{a/**,b}", "a/x/y b", "b/x"),
            ("v?.[0-9]", "v1.2", "v1x2 v/.2"),
            ("[!a]b", "cb", "ab /b"),
            ("[]a.]+$", "]+$ .+$", "b+$"),
            ("\\*,!é*", "* !éx", "a éx"),
            (" , ", "", "main"),
        ] {
            let globs = ReferenceGlobs::parse(list).unwrap();
            let matches = |name| globs.matches(&full_name(name));
            assert_eq!(globs.is_empty(), matching.is_empty(), "{list}");
            assert!(matching.split_whitespace().all(matches), "{list}");
            assert!(!others.split(' ').any(matches), "{list}");
        }
    }

    #[test]
    fn a_broken_glob_is_named() {
        for broken in ["[a", "{a", "a\\"] {
            let error = ReferenceGlobs::parse(&format!("main,{broken}")).unwrap_err();
            assert!(error.contains(&format!("`{broken}`")), "{error}");
        }
    }
}
