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
    ///
    /// # Errors
    ///
    /// The glob that cannot be read, and why.
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

    /// Whether the list names nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the globs matches this full name, for instance `refs/heads/feature/x`.
    pub fn matches(&self, full_name: &str) -> bool {
        self.0.is_match(full_name)
    }
}

fn split_outside_braces(list: &str) -> Vec<&str> {
    let mut globs = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                globs.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    globs.push(&list[start..]);
    globs
        .into_iter()
        .map(str::trim)
        .filter(|glob| !glob.is_empty())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(list: &str) -> ReferenceGlobs {
        ReferenceGlobs::parse(list).unwrap()
    }

    #[test]
    fn a_glob_without_refs_is_a_branch() {
        assert!(globs("develop").matches("refs/heads/develop"));
        assert!(!globs("develop").matches("refs/tags/develop"));
        assert!(!globs("develop").matches("refs/heads/feature/develop"));
    }

    #[test]
    fn one_star_stays_within_a_part_and_two_cross_slashes() {
        assert!(globs("feature/*").matches("refs/heads/feature/x"));
        assert!(!globs("feature/*").matches("refs/heads/feature/x/y"));
        assert!(globs("feature/**").matches("refs/heads/feature/x/y"));
        assert!(globs("refs/heads/**").matches("refs/heads/a/b/c"));
        assert!(!globs("refs/heads/**").matches("refs/tags/v1"));
    }

    #[test]
    fn commas_separate_globs_but_not_inside_braces() {
        let list = globs(" main , {release,hotfix}/*,refs/tags/v* ,, ");
        for name in [
            "refs/heads/main",
            "refs/heads/release/1",
            "refs/heads/hotfix/2",
            "refs/tags/v3",
        ] {
            assert!(list.matches(name), "{name}");
        }
        assert!(!list.matches("refs/heads/{release"));
    }

    #[test]
    fn an_empty_list_matches_nothing() {
        assert!(globs(" , ").is_empty());
        assert!(!globs("").matches("refs/heads/main"));
    }

    #[test]
    fn a_broken_glob_is_named() {
        let error = ReferenceGlobs::parse("main,[a").unwrap_err();
        assert!(error.contains("`[a`"), "{error}");
    }

    #[test]
    fn case_matters() {
        assert!(!globs("main").matches("refs/heads/Main"));
    }
}
