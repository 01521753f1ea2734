//! The names and patterns of `REPOSITORIES`. IAM is given the same list, and `*` means in it what it
//! means there: any letters, also none.

use regex_lite::{Regex, escape};

/// A list of names and patterns.
#[derive(Clone, Debug)]
pub struct Repositories {
    names: Vec<String>,
    patterns: Vec<Regex>,
}

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
        let (mut names, mut patterns) = (Vec::new(), Vec::new());
        for item in list.split(',').map(str::trim) {
            if item.len() > 100 || !item.bytes().all(allowed) {
                return Err(format!("`{item}` matches no repository's name"));
            }
            if item.contains('*') {
                let expression = format!("^{}$", escape(item).replace(r"\*", ".*"));
                patterns.push(Regex::new(&expression).map_err(|error| error.to_string())?);
            } else if !item.is_empty() {
                names.push(item.to_owned());
            }
        }
        Ok(Self { names, patterns })
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.patterns.is_empty()
    }

    /// Whether a repository is in the list. A name wins over a pattern.
    pub fn select(&self, repository: &str) -> Option<Selected> {
        if self.names.iter().any(|name| name == repository) {
            return Some(Selected::ByName);
        }
        let mut patterns = self.patterns.iter();
        let is_match = patterns.any(|pattern| pattern.is_match(repository));
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
            ("*", &["a", ".x", "team-a"][..], &[][..]),
            ("team-*", &["team-", "team-a.b"], &["team", "my-team-a"]),
            ("*-api", &["x-api", "-api", "a-api-api"], &["api", "x-api2"]),
            (
                "a*b*c",
                &["abc", "a-b-b-c", "aXbcXc"],
                &["ab", "ac", "abcd"],
            ),
            ("a**b", &["ab", "axb"], &["a", "b"]),
            ("ab*ba", &["abba", "abxba"], &["aba"]),
        ] {
            let is_selected = |name: &&str| select(pattern, name) == Some(Selected::ByPattern);
            assert!(matching.iter().all(is_selected), "{pattern}");
            assert!(!others.iter().any(is_selected), "{pattern}");
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
