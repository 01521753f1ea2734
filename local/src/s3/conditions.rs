//! Conditional requests: "Add preconditions to S3 operations" of the S3 user guide, and RFC 9110
//! for what happens when several are given.

use hyper::HeaderMap;
use hyper::header::{ETAG, HeaderValue};
use s3s::dto::{ETag, ETagCondition, Timestamp};
use s3s::{S3Error, S3Result, s3_error};
use time::OffsetDateTime;

use super::record::{Content, Version, moment};

/// What must hold for a write.
#[derive(Debug, Default)]
pub struct WriteCondition {
    if_match: Option<ETagCondition>,
    only_new: bool,
}

/// What must hold for a read, or of a copy's source.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the headers' own names")]
pub struct ReadCondition {
    pub if_match: Option<ETagCondition>,
    pub if_none_match: Option<ETagCondition>,
    pub if_modified_since: Option<Timestamp>,
    pub if_unmodified_since: Option<Timestamp>,
}

impl WriteCondition {
    /// From the two headers of a write.
    ///
    /// # Errors
    /// `NotImplemented` for an If-None-Match other than `*`, as in S3.
    pub fn new(
        if_match: Option<ETagCondition>,
        if_none_match: Option<&ETagCondition>,
    ) -> S3Result<Self> {
        if if_none_match.is_some_and(|condition| !condition.is_any()) {
            let message = "A header you provided implies functionality that is not implemented";
            return Err(s3_error!(NotImplemented, "{message}"));
        }
        let only_new = if_none_match.is_some();
        Ok(Self { if_match, only_new })
    }

    /// Holds the condition against the newest version; a delete marker counts as none.
    ///
    /// # Errors
    /// `PreconditionFailed`, or `NoSuchKey` for an If-Match where there is no object.
    pub fn check(&self, current: Option<(&Version, &Content)>) -> S3Result<()> {
        if self.only_new && current.is_some() {
            return Err(precondition_failed("If-None-Match"));
        }
        match (&self.if_match, current) {
            (None, _) => Ok(()),
            (Some(_), None) => Err(no_such_key()),
            (Some(condition), Some((_, content))) if matches(condition, content) => Ok(()),
            (Some(_), Some(_)) => Err(precondition_failed("If-Match")),
        }
    }
}

impl ReadCondition {
    /// Holds the conditions of a GetObject or HeadObject against a version.
    ///
    /// # Errors
    /// `PreconditionFailed`, or `NotModified` (304).
    pub fn check(&self, version: &Version, content: &Content) -> S3Result<()> {
        self.check_unchanged(version, content)?;
        if self.is_unchanged(version, content) {
            let mut error = s3_error!(NotModified, "Not Modified");
            let etag = HeaderValue::try_from(format!("\"{}\"", content.etag));
            error.set_headers(HeaderMap::from_iter(etag.ok().map(|etag| (ETAG, etag))));
            return Err(error);
        }
        Ok(())
    }

    /// Holds the conditions of a copy against its source.
    ///
    /// # Errors
    /// `PreconditionFailed` in every case.
    pub fn check_source(&self, version: &Version, content: &Content) -> S3Result<()> {
        self.check_unchanged(version, content)?;
        if self.is_unchanged(version, content) {
            return Err(precondition_failed("x-amz-copy-source-If-None-Match"));
        }
        Ok(())
    }

    fn check_unchanged(&self, version: &Version, content: &Content) -> S3Result<()> {
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) if !matches(condition, content) => {
                Err(precondition_failed("If-Match"))
            }
            (None, Some(since)) if modified_after(version, since) => {
                Err(precondition_failed("If-Unmodified-Since"))
            }
            _ => Ok(()),
        }
    }

    fn is_unchanged(&self, version: &Version, content: &Content) -> bool {
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) => matches(condition, content),
            (None, Some(since)) => !modified_after(version, since),
            (None, None) => false,
        }
    }
}

fn matches(condition: &ETagCondition, content: &Content) -> bool {
    condition.is_any() || condition.as_etag().map(ETag::value) == Some(&content.etag)
}

/// HTTP dates have whole seconds.
fn modified_after(version: &Version, since: &Timestamp) -> bool {
    let modified = OffsetDateTime::from(moment(version.modified_ms));
    modified.unix_timestamp() > OffsetDateTime::from(since.clone()).unix_timestamp()
}

fn precondition_failed(header: &str) -> S3Error {
    s3_error!(
        PreconditionFailed,
        "At least one of the pre-conditions you specified did not hold: {header}"
    )
}

/// The error for an object that is not there.
pub fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}
