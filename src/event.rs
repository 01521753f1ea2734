//! A queue message's body becomes a [`Push`], or the reason why there is nothing to build.
//!
//! The body is an EventBridge event as CodeCommit sends it:
//! <https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html>. Forwarding
//! from another account's bus leaves it as it is, `account` and `region` included. Only the fields
//! that are used are read, so that a field which AWS adds or changes can break nothing.

mod fields;
mod push;

use std::fmt;

use gix_hash::ObjectId;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub use fields::EventFields;
pub use push::{Push, Reference, ReferenceKind};

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A build of this push, if its reference is one that is built.
    Build(Push),
    /// Nothing: the message is acknowledged.
    Skip(Skip),
}

/// Why a message asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skip {
    /// This reference has no commit to build.
    ReferenceDeleted(String),
    /// A merge that CodeCommit tried out belongs to no reference.
    UnreferencedMergeCommit,
    /// The configuration does not list this repository.
    NotSelected(String),
    /// Only a pattern lists this repository, and it has no project.
    NoProject { repository: String, project: String },
    /// The configuration leaves this reference out.
    Excluded(String),
}

impl Skip {
    /// The word in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ReferenceDeleted(_) => "reference_deleted",
            Self::UnreferencedMergeCommit => "unreferenced_merge_commit",
            Self::NotSelected(_) => "not_selected",
            Self::NoProject { .. } => "no_project",
            Self::Excluded(_) => "excluded",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReferenceDeleted(name) => write!(out, "{name} was deleted"),
            Self::UnreferencedMergeCommit => out.write_str("a merge commit without a reference"),
            Self::NotSelected(name) => {
                write!(out, "{name} is not among the repositories that are built")
            }
            Self::NoProject {
                repository,
                project,
            } => write!(
                out,
                "{repository} is built if it has a project named {project}, which does not exist"
            ),
            Self::Excluded(name) => {
                write!(out, "{name} is not among the references that are built")
            }
        }
    }
}

/// A message that is not an event of a CodeCommit repository, or lacks what a push needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} of the message should be {expected}, but is {came}")]
pub struct BadMessage {
    field: &'static str,
    expected: &'static str,
    came: String,
}

#[derive(Deserialize)]
struct Event {
    id: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    source: Option<String>,
    account: Option<String>,
    time: Option<String>,
    region: Option<String>,
    #[serde(default)]
    detail: Detail,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail {
    event: Option<String>,
    repository_name: Option<String>,
    reference_full_name: Option<String>,
    commit_id: Option<String>,
    old_commit_id: Option<String>,
}

/// Reads one message's body.
pub fn parse(body: &str) -> Result<Request, BadMessage> {
    let event: Event = serde_json::from_str(body).map_err(|error| BadMessage {
        field: "the body",
        expected: "the JSON of an EventBridge event",
        came: format!("{} ({error})", shown(body)),
    })?;
    checked("source", event.source.as_ref(), "`aws.codecommit`", |it| {
        it == "aws.codecommit"
    })?;
    checked(
        "detail-type",
        event.detail_type.as_ref(),
        "`CodeCommit Repository State Change`",
        |it| it == "CodeCommit Repository State Change",
    )?;
    let kind = &event.detail.event;
    match required("detail.event", kind.as_ref(), "the kind of change")? {
        "referenceCreated" | "referenceUpdated" => push_of(&event).map(Request::Build),
        "referenceDeleted" => {
            let reference = event.detail.reference_full_name.unwrap_or_default();
            Ok(Request::Skip(Skip::ReferenceDeleted(reference)))
        }
        "unreferencedMergeCommitCreated" => Ok(Request::Skip(Skip::UnreferencedMergeCommit)),
        other => Err(bad(
            "detail.event",
            "referenceCreated, referenceUpdated, referenceDeleted or \
             unreferencedMergeCommitCreated",
            other,
        )),
    }
}

fn push_of(event: &Event) -> Result<Push, BadMessage> {
    let detail = &event.detail;
    let event_id = checked(
        "id",
        event.id.as_ref(),
        "1 to 128 letters, digits and punctuation marks",
        is_event_id,
    )?;
    let time = required("time", event.time.as_ref(), "the event's time")?;
    let time = OffsetDateTime::parse(time, &Rfc3339)
        .ok()
        .and_then(|time| time.checked_to_offset(time::UtcOffset::UTC))
        .ok_or_else(|| bad("time", "a time such as 2019-06-12T10:23:43Z", time))?;
    let repository = checked(
        "detail.repositoryName",
        detail.repository_name.as_ref(),
        "1 to 100 letters, digits, dots, hyphens and underscores",
        is_repository_name,
    )?;
    let account = required("account", event.account.as_ref(), "the account's id")?;
    let region = required("region", event.region.as_ref(), "the region's name")?;
    let commit = detail.commit_id.as_ref();
    let commit = required("detail.commitId", commit, OBJECT_ID)?;
    Ok(Push {
        event_id: event_id.to_owned(),
        time,
        account: account.to_owned(),
        region: region.to_owned(),
        repository: repository.to_owned(),
        reference: reference(detail.reference_full_name.as_ref())?,
        commit: object_id(commit).ok_or_else(|| bad("detail.commitId", OBJECT_ID, commit))?,
        // Only an aid: without it the push costs more calls.
        old_commit: detail.old_commit_id.as_deref().and_then(object_id),
    })
}

/// EventBridge's ids are UUIDs. SQS takes no others than these as deduplication ids:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>.
fn is_event_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// `RepositoryName` in CodeCommit's API reference is `[\w\.-]{1,100}`. `.` and `..` fit that too,
/// but would make keys that tools take for folders.
fn is_repository_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    (1..=100).contains(&name.len()) && name.bytes().all(allowed) && !matches!(name, "." | "..")
}

fn reference(full_name: Option<&String>) -> Result<Reference, BadMessage> {
    const FIELD: &str = "detail.referenceFullName";
    const EXPECTED: &str = "a branch (refs/heads/…) or a tag (refs/tags/…)";
    let full_name = required(FIELD, full_name, EXPECTED)?;
    for kind in [ReferenceKind::Branch, ReferenceKind::Tag] {
        if let Some(short_name) = full_name.strip_prefix(kind.prefix())
            && is_reference_name(short_name)
        {
            let short_name = short_name.to_owned();
            return Ok(Reference { kind, short_name });
        }
    }
    Err(bad(FIELD, EXPECTED, full_name))
}

/// The part of `git check-ref-format` that a key in S3 rests on: no empty, `.` or `..` part and no
/// control character. <https://git-scm.com/docs/git-check-ref-format>
fn is_reference_name(short_name: &str) -> bool {
    short_name
        .split('/')
        .all(|part| !part.is_empty() && !part.starts_with('.'))
        && !short_name.contains("..")
        && !short_name.chars().any(char::is_control)
}

const OBJECT_ID: &str = "an object id of 40 hexadecimal digits";

fn object_id(value: &str) -> Option<ObjectId> {
    let id = ObjectId::from_hex(value.as_bytes()).ok();
    id.filter(|id| !id.is_null())
}

fn checked<'event>(
    field: &'static str,
    value: Option<&'event String>,
    expected: &'static str,
    is_good: impl Fn(&str) -> bool,
) -> Result<&'event str, BadMessage> {
    let value = required(field, value, expected)?;
    if is_good(value) {
        return Ok(value);
    }
    Err(bad(field, expected, value))
}

fn required<'event>(
    field: &'static str,
    value: Option<&'event String>,
    expected: &'static str,
) -> Result<&'event str, BadMessage> {
    let value = value.map(String::as_str).filter(|value| !value.is_empty());
    value.ok_or_else(|| BadMessage {
        field,
        expected,
        came: "missing".to_owned(),
    })
}

fn bad(field: &'static str, expected: &'static str, came: &str) -> BadMessage {
    BadMessage {
        field,
        expected,
        came: shown(came),
    }
}

/// The beginning of what came, fit for a log line.
fn shown(came: &str) -> String {
    const LONGEST: usize = 120;
    let mut start: String = came.chars().take(LONGEST).collect();
    if start.len() < came.len() {
        start.push('…');
    }
    format!("{start:?}")
}

#[cfg(test)]
mod tests;
