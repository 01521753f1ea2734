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

const DETAIL_TYPE: &str = "CodeCommit Repository State Change";

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
    /// A deleted reference has no commit to build.
    ReferenceDeleted {
        /// The reference that is gone.
        reference: String,
    },
    /// A merge that CodeCommit tried out belongs to no reference.
    UnreferencedMergeCommit,
    /// The configuration does not list this repository.
    NotSelected {
        /// The repository that is not built.
        repository: String,
    },
    /// Only a pattern lists this repository, and it has no project.
    NoProject {
        /// The repository that is not built.
        repository: String,
        /// The project that it would have.
        project: String,
    },
    /// The configuration leaves this reference out.
    Excluded {
        /// The reference that is not built.
        reference: String,
    },
}

impl Skip {
    /// The word in logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ReferenceDeleted { .. } => "reference_deleted",
            Self::UnreferencedMergeCommit => "unreferenced_merge_commit",
            Self::NotSelected { .. } => "not_selected",
            Self::NoProject { .. } => "no_project",
            Self::Excluded { .. } => "excluded",
        }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReferenceDeleted { reference } => write!(out, "{reference} was deleted"),
            Self::UnreferencedMergeCommit => out.write_str("a merge commit without a reference"),
            Self::NotSelected { repository } => {
                write!(
                    out,
                    "{repository} is not among the repositories that are built"
                )
            }
            Self::NoProject {
                repository,
                project,
            } => write!(
                out,
                "{repository} is built if it has a project named {project}, which does not exist"
            ),
            Self::Excluded { reference } => {
                write!(
                    out,
                    "{reference} is not among the references that are built"
                )
            }
        }
    }
}

/// A message that is not an event of a CodeCommit repository, or lacks what a push needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} of the message should be {expected}, but is {came}")]
pub struct BadMessage {
    field: String,
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
///
/// # Errors
///
/// What was expected where, and what came instead.
pub fn parse(body: &str) -> Result<Request, BadMessage> {
    let event: Event = serde_json::from_str(body).map_err(|error| BadMessage {
        field: "the body".to_owned(),
        expected: "the JSON of an EventBridge event",
        came: format!("{} ({error})", shown(body)),
    })?;
    exactly(
        "source",
        event.source.as_deref(),
        "aws.codecommit",
        "`aws.codecommit`",
    )?;
    exactly(
        "detail-type",
        event.detail_type.as_deref(),
        DETAIL_TYPE,
        "`CodeCommit Repository State Change`",
    )?;
    let kind = required(
        "detail.event",
        event.detail.event.as_deref(),
        "the kind of change",
    )?;
    match kind {
        "referenceCreated" | "referenceUpdated" => push_of(&event).map(Request::Build),
        "referenceDeleted" => Ok(Request::Skip(Skip::ReferenceDeleted {
            reference: event.detail.reference_full_name.unwrap_or_default(),
        })),
        "unreferencedMergeCommitCreated" => Ok(Request::Skip(Skip::UnreferencedMergeCommit)),
        other => Err(BadMessage {
            field: "detail.event".to_owned(),
            expected: "referenceCreated, referenceUpdated, referenceDeleted or \
                       unreferencedMergeCommitCreated",
            came: shown(other),
        }),
    }
}

fn push_of(event: &Event) -> Result<Push, BadMessage> {
    let detail = &event.detail;
    let event_id = required("id", event.id.as_deref(), "the event's id")?;
    if !is_event_id(event_id) {
        return Err(bad(
            "id",
            "1 to 128 letters, digits and punctuation marks",
            event_id,
        ));
    }
    let time = required("time", event.time.as_deref(), "the event's time")?;
    let time = OffsetDateTime::parse(time, &Rfc3339)
        .ok()
        .and_then(|time| time.checked_to_offset(time::UtcOffset::UTC))
        .ok_or_else(|| bad("time", "a time such as 2019-06-12T10:23:43Z", time))?;
    let repository = required(
        "detail.repositoryName",
        detail.repository_name.as_deref(),
        "the repository's name",
    )?;
    if !is_repository_name(repository) {
        return Err(bad(
            "detail.repositoryName",
            "1 to 100 letters, digits, dots, hyphens and underscores",
            repository,
        ));
    }
    let full_name = required(
        "detail.referenceFullName",
        detail.reference_full_name.as_deref(),
        "the reference's full name",
    )?;
    let commit = required(
        "detail.commitId",
        detail.commit_id.as_deref(),
        "the pushed commit",
    )?;
    Ok(Push {
        event_id: event_id.to_owned(),
        time,
        account: required("account", event.account.as_deref(), "the account's id")?.to_owned(),
        region: required("region", event.region.as_deref(), "the region's name")?.to_owned(),
        repository: repository.to_owned(),
        reference: reference(full_name)?,
        commit: object_id("detail.commitId", commit)?,
        // Only an aid: without it the push costs more calls.
        old_commit: detail
            .old_commit_id
            .as_deref()
            .and_then(|id| object_id("detail.oldCommitId", id).ok()),
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

fn reference(full_name: &str) -> Result<Reference, BadMessage> {
    for kind in [ReferenceKind::Branch, ReferenceKind::Tag] {
        if let Some(short_name) = full_name.strip_prefix(kind.prefix())
            && is_reference_name(short_name)
        {
            return Ok(Reference {
                kind,
                short_name: short_name.to_owned(),
            });
        }
    }
    Err(bad(
        "detail.referenceFullName",
        "a branch (refs/heads/…) or a tag (refs/tags/…)",
        full_name,
    ))
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

fn object_id(field: &str, value: &str) -> Result<ObjectId, BadMessage> {
    ObjectId::from_hex(value.as_bytes())
        .ok()
        .filter(|id| !id.is_null())
        .ok_or_else(|| bad(field, "an object id of 40 hexadecimal digits", value))
}

fn exactly(
    field: &str,
    value: Option<&str>,
    wanted: &str,
    expected: &'static str,
) -> Result<(), BadMessage> {
    match value {
        Some(value) if value == wanted => Ok(()),
        Some(other) => Err(bad(field, expected, other)),
        None => Err(missing(field, expected)),
    }
}

fn required<'event>(
    field: &str,
    value: Option<&'event str>,
    expected: &'static str,
) -> Result<&'event str, BadMessage> {
    value
        .filter(|value| !value.is_empty())
        .ok_or_else(|| missing(field, expected))
}

fn missing(field: &str, expected: &'static str) -> BadMessage {
    BadMessage {
        field: field.to_owned(),
        expected,
        came: "missing".to_owned(),
    }
}

fn bad(field: &str, expected: &'static str, came: &str) -> BadMessage {
    BadMessage {
        field: field.to_owned(),
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
