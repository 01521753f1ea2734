//! The names and patterns of `REPOSITORIES`. IAM is given the same list, and `*` means in it what it
//! means there: any letters, also none.

use fast_glob::glob_match;

/// A list of names and patterns.
#[derive(Clone, Debug)]
pub struct Repositories(Vec<String>);

/// How a repository was selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Selected {
    /// By its own name: somebody wants it built.
    ByName,
    /// By a pattern: it is built if it has a project.
    ByPattern,
}

impl Repositories {
    /// Reads a comma-separated list. Blanks around an item are dropped, and so are empty items.
    pub fn parse(list: &str) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-*".contains(&byte);
        let is_good = |item: &str| item.len() <= 100 && item.bytes().all(allowed);
        let items = list
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        let read = |item: &str| {
            let bad = || format!("`{item}` matches no repository's name");
            is_good(item).then(|| item.to_owned()).ok_or_else(bad)
        };
        items.map(read).collect::<Result<_, _>>().map(Self)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a repository is in the list. A name wins over a pattern.
    pub fn select(&self, repository: &str) -> Option<Selected> {
        if self.0.iter().any(|name| name == repository) {
            return Some(Selected::ByName);
        }
        let mut patterns = self.0.iter();
        let is_match = patterns.any(|pattern| glob_match(pattern, repository));
        is_match.then_some(Selected::ByPattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(list: &str, repository: &str) -> Option<Selected> {
        Repositories::parse(list).unwrap().select(repository)
    }

    #[test]
    fn a_name_is_that_repository_and_wins_over_a_pattern() {
        assert_eq!(select("shop", "shop"), Some(Selected::ByName));
        assert_eq!(select("*, shop", "shop"), Some(Selected::ByName));
        assert_eq!(select("*, shop", "other"), Some(Selected::ByPattern));
        for other in ["shop2", "Shop", "my-shop"] {
            assert_eq!(select("shop", other), None, "{other}");
        }
    }

    #[test]
    fn a_star_is_any_letters_as_in_iam() {
        for (pattern, matching, others) in [
            ("*", "a .x team-a", ""),
            ("team-*", "team- team-a.b", "team my-team-a"),
            ("*-api", "x-api -api a-api-api", "api x-api2"),
            ("a*b*c", "abc a-b-b-c aXbcXc", "ab ac abcd"),
            ("a**b", "ab axb", "a b"),
            ("ab*ba", "abba abxba", "aba"),
        ] {
            let is_selected = |name| select(pattern, name) == Some(Selected::ByPattern);
            assert!(matching.split(' ').all(is_selected), "{pattern}");
            assert!(!others.split_whitespace().any(is_selected), "{pattern}");
        }
    }

    #[test]
    fn what_no_name_can_match_is_refused_by_itself() {
        for bad in ["a b", "team/*", "é", "?", &"x".repeat(101)] {
            let error = Repositories::parse(&format!("shop,{bad}")).unwrap_err();
            assert!(error.contains(bad), "{error}");
        }
        assert!(Repositories::parse(" , ").unwrap().is_empty());
    }
}
