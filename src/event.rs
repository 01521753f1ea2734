//! A queue message's body becomes a [`Push`], or the reason why there is nothing to build.
//!
//! The body is an EventBridge event as CodeCommit sends it:
//! <https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html>. Another account's
//! bus forwards it unchanged, `account` and `region` included. It names one reference; a push of several
//! is believed to send several events. Only the fields that are used are read, so that nothing breaks
//! when AWS adds or changes another one.

mod fields;
mod push;

use gix_hash::ObjectId;
use serde_json::Value;
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

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
    /// CodeCommit tested a merge; the commit belongs to no reference.
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
    /// Its name in logs.
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

/// Reads one message's body.
pub fn parse(body: &str) -> Result<Request, BadMessage> {
    let event: Value = serde_json::from_str(body).map_err(|error| BadMessage {
        field: "the body",
        expected: "the JSON of an EventBridge event",
        came: format!("{} ({error})", shown(body)),
    })?;
    let event = Event(&event);
    let source = "aws.codecommit";
    event.read("source", source, equal_to(source))?;
    let detail_type = "CodeCommit Repository State Change";
    event.read("detail-type", detail_type, equal_to(detail_type))?;
    let change = "detail.event";
    match event.read(change, "the kind of change", Some)? {
        "referenceCreated" | "referenceUpdated" => push_of(event).map(Request::Build),
        "referenceDeleted" => {
            let reference = event.text("detail.referenceFullName").unwrap_or_default();
            Ok(Request::Skip(Skip::ReferenceDeleted(reference.to_owned())))
        }
        "unreferencedMergeCommitCreated" => Ok(Request::Skip(Skip::UnreferencedMergeCommit)),
        other => Err(BadMessage {
            field: change,
            expected: "referenceCreated, referenceUpdated, referenceDeleted or \
                       unreferencedMergeCommitCreated",
            came: shown(other),
        }),
    }
}

fn push_of(event: Event<'_>) -> Result<Push, BadMessage> {
    let punctuated = "1 to 128 letters, digits and punctuation marks";
    let name = "1 to 100 letters, digits, dots, hyphens and underscores";
    let full_name = "a branch (refs/heads/…) or a tag (refs/tags/…)";
    let hexadecimal = "an object id of 40 hexadecimal digits";
    Ok(Push {
        event_id: event.read("id", punctuated, event_id)?,
        time: event.read("time", "a time such as 2019-06-12T10:23:43Z", utc)?,
        account: event.read("account", "the account's id", Some)?.to_owned(),
        region: event.read("region", "the Region's name", Some)?.to_owned(),
        repository: event.read("detail.repositoryName", name, repository_name)?,
        reference: event.read("detail.referenceFullName", full_name, reference)?,
        commit: event.read("detail.commitId", hexadecimal, object_id)?,
        // Only an aid: without it the push costs more calls.
        old_commit: event.text("detail.oldCommitId").and_then(object_id),
    })
}

fn equal_to(expected: &str) -> impl Fn(&str) -> Option<()> {
    move |text| (text == expected).then_some(())
}

fn utc(time: &str) -> Option<OffsetDateTime> {
    let time = OffsetDateTime::parse(time, &Rfc3339).ok()?;
    time.checked_to_offset(UtcOffset::UTC)
}

/// EventBridge's ids are UUIDs. SQS takes only these characters in deduplication ids:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html>.
fn event_id(id: &str) -> Option<String> {
    let is_good = id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic());
    is_good.then(|| id.to_owned())
}

/// `RepositoryName` in CodeCommit's API reference is `[\w\.-]{1,100}`. `.` and `..` match that too,
/// but would make keys that tools take for folders.
fn repository_name(name: &str) -> Option<String> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let is_good = name.len() <= 100 && name.bytes().all(allowed) && name != "." && name != "..";
    is_good.then(|| name.to_owned())
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

/// The rules of `git check-ref-format` that make a good S3 key: no empty, `.` or `..` part and no
/// control character. <https://git-scm.com/docs/git-check-ref-format>
fn is_reference_name(short_name: &str) -> bool {
    let mut parts = short_name.split('/');
    parts.all(|part| !part.is_empty() && !part.starts_with('.'))
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

    /// A field's value, which must not be empty, as `read` understands it.
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
}

/// The beginning of what came, short enough for a log line.
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
