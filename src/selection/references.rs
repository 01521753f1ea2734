//! Which references are built: the globs of `INCLUDE_REFERENCES` and `EXCLUDE_REFERENCES`.
//!
//! A glob without `refs/` in front is a branch's: `release/*` means `refs/heads/release/*`. As in
//! a shell, `*` stays within one part of a name and `**` crosses slashes.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A list of globs over full reference names.
#[derive(Clone, Debug)]
pub struct ReferenceGlobs(GlobSet);

impl ReferenceGlobs {
    /// Reads a comma-separated list. Blanks around a glob are dropped, and so are empty ones; a
    /// comma inside braces belongs to its glob (`{main,release/*}`).
    pub fn parse(list: &str) -> Result<Self, String> {
        let mut globs = GlobSetBuilder::new();
        for glob in split_outside_braces(list) {
            let full = if glob.starts_with("refs/") {
                glob.to_owned()
            } else {
                format!("refs/heads/{glob}")
            };
            let compiled = GlobBuilder::new(&full)
                .literal_separator(true)
                .build()
                .map_err(|error| format!("`{glob}` is not a glob: {}", error.kind()))?;
            globs.add(compiled);
        }
        globs
            .build()
            .map(Self)
            .map_err(|error| error.kind().to_string())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the globs matches this full name, for instance `refs/heads/feature/x`.
    pub fn matches(&self, full_name: &str) -> bool {
        self.0.is_match(full_name)
    }
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
        let error = ReferenceGlobs::parse("main,[a").unwrap_err();
        assert!(error.contains("`[a`"), "{error}");
    }
}
