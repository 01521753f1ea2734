//! A queue message's body becomes a [`Push`], or the reason why there is nothing to build.
//!
//! The body is an EventBridge event as CodeCommit sends it:
//! <https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html>. Forwarding
//! from another account's bus leaves it as it is, `account` and `region` included. Only the fields
//! that are used are read, so that a field which AWS adds or changes can break nothing.

mod fields;
mod push;

use gix_hash::ObjectId;
use serde_json::Value;
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
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skip {
    #[error("{0} was deleted")]
    ReferenceDeleted(String),
    /// A merge that CodeCommit tried out belongs to no reference.
    #[error("a merge commit without a reference")]
    UnreferencedMergeCommit,
    /// The configuration does not list this repository.
    #[error("{0} is not among the repositories that are built")]
    NotSelected(String),
    /// Only a pattern lists this repository, and it has no project.
    #[error("{repository} is built if it has a project named {project}, which does not exist")]
    NoProject { repository: String, project: String },
    /// The configuration leaves this reference out.
    #[error("{0} is not among the references that are built")]
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

/// A message that is not an event of a CodeCommit repository, or lacks what a push needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} of the message should be {expected}, but is {came}")]
pub struct BadMessage {
    field: &'static str,
    expected: &'static str,
    came: String,
}

const CHANGE: &str = "detail.event";

/// Reads one message's body.
pub fn parse(body: &str) -> Result<Request, BadMessage> {
    let event: Value = serde_json::from_str(body).map_err(|error| BadMessage {
        field: "the body",
        expected: "the JSON of an EventBridge event",
        came: format!("{} ({error})", shown(body)),
    })?;
    let event = Event(&event);
    event.checked("source", "`aws.codecommit`", |it| it == "aws.codecommit")?;
    event.checked(
        "detail-type",
        "`CodeCommit Repository State Change`",
        |it| it == "CodeCommit Repository State Change",
    )?;
    match &*event.required(CHANGE, "the kind of change")? {
        "referenceCreated" | "referenceUpdated" => push_of(event).map(Request::Build),
        "referenceDeleted" => {
            let reference = event.text("detail.referenceFullName").unwrap_or_default();
            Ok(Request::Skip(Skip::ReferenceDeleted(reference.to_owned())))
        }
        "unreferencedMergeCommitCreated" => Ok(Request::Skip(Skip::UnreferencedMergeCommit)),
        other => Err(BadMessage {
            field: CHANGE,
            expected: "referenceCreated, referenceUpdated, referenceDeleted or \
                       unreferencedMergeCommitCreated",
            came: shown(other),
        }),
    }
}

fn push_of(event: Event<'_>) -> Result<Push, BadMessage> {
    Ok(Push {
        event_id: event.checked(
            "id",
            "1 to 128 letters, digits and punctuation marks",
            is_event_id,
        )?,
        time: event.read("time", "a time such as 2019-06-12T10:23:43Z", |time| {
            let time = OffsetDateTime::parse(time, &Rfc3339).ok()?;
            time.checked_to_offset(time::UtcOffset::UTC)
        })?,
        account: event.required("account", "the account's id")?,
        region: event.required("region", "the region's name")?,
        repository: event.checked(
            "detail.repositoryName",
            "1 to 100 letters, digits, dots, hyphens and underscores",
            is_repository_name,
        )?,
        reference: event.read(
            "detail.referenceFullName",
            "a branch (refs/heads/…) or a tag (refs/tags/…)",
            reference,
        )?,
        commit: event.read(
            "detail.commitId",
            "an object id of 40 hexadecimal digits",
            object_id,
        )?,
        // Only an aid: without it the push costs more calls.
        old_commit: event.text("detail.oldCommitId").and_then(object_id),
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

fn reference(full_name: &str) -> Option<Reference> {
    let kinds = [ReferenceKind::Branch, ReferenceKind::Tag];
    kinds.into_iter().find_map(|kind| {
        let short_name = full_name.strip_prefix(kind.prefix())?;
        is_reference_name(short_name).then(|| Reference {
            kind,
            short_name: short_name.to_owned(),
        })
    })
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

fn object_id(value: &str) -> Option<ObjectId> {
    let id = ObjectId::from_hex(value.as_bytes()).ok();
    id.filter(|id| !id.is_null())
}

/// An event's fields by their names, such as `detail.commitId`.
#[derive(Clone, Copy)]
struct Event<'a>(&'a Value);

impl<'a> Event<'a> {
    fn value(self, field: &str) -> &'a Value {
        field.split('.').fold(self.0, |value, name| {
            value.get(name).unwrap_or(&Value::Null)
        })
    }

    fn text(self, field: &str) -> Option<&'a str> {
        self.value(field).as_str().filter(|text| !text.is_empty())
    }

    /// A field that `read` makes sense of.
    fn read<T>(
        self,
        field: &'static str,
        expected: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, BadMessage> {
        let text = self.text(field);
        if let Some(read) = text.and_then(read) {
            return Ok(read);
        }
        let came = match (text, self.value(field)) {
            (Some(text), _) => shown(text),
            (None, Value::Null | Value::String(_)) => "missing".to_owned(),
            (None, other) => shown(&other.to_string()),
        };
        Err(BadMessage {
            field,
            expected,
            came,
        })
    }

    fn checked(
        self,
        field: &'static str,
        expected: &'static str,
        is_good: impl Fn(&str) -> bool,
    ) -> Result<String, BadMessage> {
        self.read(field, expected, |text| {
            is_good(text).then(|| text.to_owned())
        })
    }

    fn required(self, field: &'static str, expected: &'static str) -> Result<String, BadMessage> {
        self.checked(field, expected, |_| true)
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
