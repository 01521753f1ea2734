//! Which pushes are built: those to chosen references of chosen repositories.

use fast_glob::{glob_match, validate};

use crate::event::{self, BadMessage, Push, Request, Skip};

/// What a deployment builds.
#[derive(Clone, Debug)]
pub struct Selection {
    /// `REPOSITORIES`: whose pushes are built.
    pub repositories: Globs,
    /// `INCLUDE_REFERENCES`: what is built of them.
    pub include_references: Globs,
    /// `EXCLUDE_REFERENCES`: what is not, though it is included.
    pub exclude_references: Globs,
}

impl Selection {
    /// Reads a message's body; a push that is not to be built is skipped.
    pub fn read(&self, body: &str) -> Result<Request, BadMessage> {
        let request = event::parse(body)?;
        let skip = match &request {
            Request::Build(push) => self.skips(push),
            Request::Skip(_) => None,
        };
        Ok(skip.map_or(request, Request::Skip))
    }

    /// Why this push is left out, if it is.
    pub fn skips(&self, push: &Push) -> Option<Skip> {
        if !self.repositories.matches(&push.repository) {
            return Some(Skip::NotSelected(push.repository.clone()));
        }
        let reference = push.reference.full_name();
        let is_built = self.include_references.matches(&reference)
            && !self.exclude_references.matches(&reference);
        (!is_built).then_some(Skip::Excluded(reference))
    }
}

/// A list of names and patterns.
#[derive(Clone, Debug)]
pub struct Globs(Vec<String>);

impl Globs {
    /// Reads names and patterns of repositories. IAM is given the same list, so a `*` means what it
    /// means there: any letters, or none.
    pub fn of_repositories(list: &str) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*".contains(&byte);
        Self::read(list, |item| {
            if item.len() > 100 || !item.bytes().all(allowed) {
                return Err(format!("`{item}` matches no repository's name"));
            }
            Ok(item.to_owned())
        })
    }

    /// Reads globs of full reference names. One without `refs/` in front is a branch's.
    pub fn of_references(list: &str) -> Result<Self, String> {
        Self::read(list, |item| {
            let glob = full_name(item);
            match validate(&glob) {
                Ok(()) => Ok(glob),
                Err(error) => Err(format!("`{item}` is not a glob: {error}")),
            }
        })
    }

    /// Reads a comma-separated list, without the blanks around its items and without empty ones. A
    /// comma inside braces belongs to its item (`{main,release/*}`).
    fn read(list: &str, item: impl Fn(&str) -> Result<String, String>) -> Result<Self, String> {
        let mut depth = 0_usize;
        let items = list.split(move |letter| {
            match letter {
                '{' => depth += 1,
                '}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            letter == ',' && depth == 0
        });
        let items = items.map(str::trim).filter(|item| !item.is_empty());
        items.map(item).collect::<Result<_, _>>().map(Self)
    }

    /// Whether the list has this very name.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|item| item == name)
    }

    /// Whether an item matches this name.
    pub fn matches(&self, name: &str) -> bool {
        self.0.iter().any(|item| glob_match(item, name))
    }
}

fn full_name(name: &str) -> String {
    if name.starts_with("refs/") {
        return name.to_owned();
    }
    format!("refs/heads/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_of_references_match_as_in_a_shell_and_mean_branches_without_refs() {
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
            let globs = Globs::of_references(list).unwrap();
            let matches = |name| globs.matches(&full_name(name));
            assert!(matching.split_whitespace().all(matches), "{list}");
            assert!(!others.split(' ').any(matches), "{list}");
        }
    }

    #[test]
    fn a_repository_is_matched_by_its_name_or_by_a_star_as_in_iam() {
        for (list, matching, others) in [
            ("shop", "shop", "shop2 Shop my-shop"),
            ("*, shop", "shop other .x team-a", ""),
            ("team-*", "team- team-a.b", "team my-team-a"),
            ("*-api", "x-api -api a-api-api", "api x-api2"),
            ("a*b*c", "abc a-b-b-c aXbcXc", "ab ac abcd"),
            ("a**b", "ab axb", "a b"),
            ("ab*ba", "abba abxba", "aba"),
        ] {
            let globs = Globs::of_repositories(list).unwrap();
            assert!(matching.split(' ').all(|name| globs.matches(name)));
            assert!(!others.split_whitespace().any(|name| globs.matches(name)));
            assert_eq!(globs.has("shop"), list.contains("shop"), "{list}");
            assert!(!globs.has("team-a"), "a pattern is not a name");
        }
    }

    #[test]
    fn what_nothing_can_match_is_refused_by_itself() {
        for broken in ["[a", "{a", "a\\"] {
            let error = Globs::of_references(&format!("main,{broken}")).unwrap_err();
            assert!(error.contains(&format!("`{broken}`")), "{error}");
        }
        for bad in ["a b", "team/*", "é", "?", &"x".repeat(101)] {
            let error = Globs::of_repositories(&format!("shop,{bad}")).unwrap_err();
            assert!(error.contains(bad), "{error}");
        }
    }
}
