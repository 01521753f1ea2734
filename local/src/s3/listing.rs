//! One page of a listing: prefix, delimiter, where to go on, and how many, the same for objects,
//! versions and uploads.
//!
//! "Organizing objects using prefixes" of the S3 user guide: keys that share what lies between the
//! prefix and the next delimiter count as one entry, and entries come in the order of their UTF-8
//! bytes.

use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::{S3Result, s3_error};

/// The most entries that S3 puts on a page.
const LARGEST_PAGE: i32 = 1000;

/// What a listing asks for.
#[derive(Debug)]
pub struct Query<'a> {
    pub prefix: &'a str,
    pub delimiter: Option<&'a str>,
    /// The key or common prefix that the page before ended with.
    pub after: &'a str,
    pub size: usize,
}

/// A page: entries and common prefixes, each in order.
#[derive(Debug)]
pub struct Page<T> {
    pub entries: Vec<T>,
    pub prefixes: Vec<String>,
    /// What the page ended with, when there is more.
    pub next: Option<Last<T>>,
}

/// The last entry of a page.
#[derive(Clone, Debug)]
pub enum Last<T> {
    Entry(T),
    Prefix(String),
}

impl<T: Clone> Page<T> {
    /// Takes a page from `entries`, which come in order, with their keys.
    pub fn take<'a>(query: &Query<'a>, entries: impl Iterator<Item = (&'a str, T)>) -> Self {
        let mut page = Self {
            entries: Vec::new(),
            prefixes: Vec::new(),
            next: None,
        };
        let mut last = None;
        for (key, entry) in entries {
            let Some(rest) = key.strip_prefix(query.prefix) else {
                continue;
            };
            let common = query.common(key, rest);
            if common.is_some_and(|common| {
                common == query.after || page.prefixes.last().is_some_and(|last| last == common)
            }) {
                continue;
            }
            if page.entries.len() + page.prefixes.len() == query.size {
                page.next = last;
                break;
            }
            if let Some(common) = common {
                page.prefixes.push(common.to_owned());
                last = Some(Last::Prefix(common.to_owned()));
            } else {
                page.entries.push(entry.clone());
                last = Some(Last::Entry(entry));
            }
        }
        page
    }
}

impl<T> Page<T> {
    /// The key that leads to the next page, and the id that tells apart the entries of one key.
    pub fn markers(
        &self,
        entry: impl Fn(&T) -> (&String, &String),
    ) -> (Option<String>, Option<String>) {
        match &self.next {
            None => (None, None),
            Some(Last::Entry(last)) => {
                let (key, id) = entry(last);
                (Some(key.clone()), Some(id.clone()))
            }
            Some(Last::Prefix(prefix)) => (Some(prefix.clone()), None),
        }
    }
}

impl<'a> Query<'a> {
    /// From the parameters of a listing, `max` being the largest page that the client wants.
    ///
    /// # Errors
    /// `InvalidArgument` for a negative one.
    pub fn new(
        prefix: Option<&'a str>,
        delimiter: Option<&'a str>,
        after: &'a str,
        max: Option<i32>,
    ) -> S3Result<Self> {
        let size = usize::try_from(page_size(max)?).unwrap_or_default();
        let prefix = prefix.unwrap_or_default();
        Ok(Self {
            prefix,
            delimiter,
            after,
            size,
        })
    }

    /// Where the keys of the page begin: behind `after`, or with it where something of it is left.
    pub fn start(&self, with_it: bool) -> (Bound<&'a str>, Bound<&'a str>) {
        let first = match self.after {
            after if after.is_empty() || after < self.prefix => Bound::Included(self.prefix),
            after if with_it => Bound::Included(after),
            after => Bound::Excluded(after),
        };
        (first, Bound::Unbounded)
    }

    fn common<'k>(&self, key: &'k str, rest: &str) -> Option<&'k str> {
        let delimiter = self.delimiter.filter(|delimiter| !delimiter.is_empty())?;
        let end = self.prefix.len() + rest.find(delimiter)? + delimiter.len();
        Some(&key[..end])
    }
}

/// The size of a page from what was asked for.
///
/// # Errors
/// `InvalidArgument` for a negative one.
pub fn page_size(asked: Option<i32>) -> S3Result<i32> {
    match asked {
        Some(negative) if negative < 0 => Err(s3_error!(
            InvalidArgument,
            "Argument max-keys must be an integer between 0 and 2147483647"
        )),
        other => Ok(other.unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE)),
    }
}

/// The token that leads to the page after `last`.
pub fn token(last: &str) -> String {
    URL_SAFE_NO_PAD.encode(last)
}

/// What a token stands for.
///
/// # Errors
/// `InvalidArgument` for one that is not ours.
pub fn from_token(token: &str) -> S3Result<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| {
        s3_error!(
            InvalidArgument,
            "The continuation token provided is incorrect"
        )
    })
}

/// What one of the protocol's listings asks for that go on behind a key marker; `$max` is its name
/// for the size of a page.
macro_rules! query_of {
    ($input:expr, $max:ident) => {
        crate::s3::listing::Query::new(
            $input.prefix.as_deref(),
            $input.delimiter.as_deref(),
            $input.key_marker.as_deref().unwrap_or_default(),
            $input.$max,
        )
    };
}

/// Repeats in such a listing's answer what it was asked for.
macro_rules! repeat_query {
    ($output:expr, $input:expr, $query:expr, $encoding:expr, $max:ident) => {
        $output.delimiter = $encoding.optional($input.delimiter.as_ref());
        $output.key_marker = Some($encoding.text($query.after));
        $output.$max = Some(crate::s3::listing::page_size($input.$max)?);
        $output.prefix = Some($encoding.text($query.prefix));
        $output.encoding_type = $input.encoding_type;
    };
}

pub(super) use {query_of, repeat_query};

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 7] = ["a", "b/1", "b/2", "b/c/3", "c", "d/4", "é"];

    fn pages(prefix: &str, delimiter: Option<&str>, size: usize) -> Vec<Vec<String>> {
        let (mut pages, mut after) = (Vec::new(), String::new());
        loop {
            let query = Query {
                prefix,
                delimiter,
                after: &after,
                size,
            };
            let keys = KEYS
                .into_iter()
                .filter(|key| *key > after.as_str())
                .map(|key| (key, key));
            let page = Page::take(&query, keys);
            let entries = page.entries.iter().map(|&entry| entry.to_owned());
            pages.push(entries.chain(page.prefixes.iter().cloned()).collect());
            after = match page.next {
                None => return pages,
                Some(Last::Entry(key)) => key.to_owned(),
                Some(Last::Prefix(prefix)) => prefix,
            };
        }
    }

    #[test]
    fn pages_of_every_size_make_up_the_whole_listing_once() {
        for (prefix, delimiter, count) in [
            ("", None, 7),
            ("", Some("/"), 5),
            ("b/", Some("/"), 3),
            ("x", None, 0),
        ] {
            for size in 1..9 {
                let listed = pages(prefix, delimiter, size);
                assert_eq!(
                    listed.concat().len(),
                    count,
                    "{prefix} {delimiter:?} {size}: {listed:?}"
                );
                assert_eq!(listed.len(), count.div_ceil(size).max(1));
            }
        }
        assert_eq!(pages("b/", Some("/"), 9), [["b/1", "b/2", "b/c/"]]);
    }
}
