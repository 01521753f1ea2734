//! A push, and the reference that was pushed to.

use gix_hash::ObjectId;
use time::OffsetDateTime;

/// One push of one reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// The EventBridge event's id, which tells this push from others of the same commit.
    pub event_id: String,
    /// When it happened; the time of every entry of its bundle.
    pub time: OffsetDateTime,
    pub account: String,
    pub region: String,
    pub repository: String,
    pub reference: Reference,
    /// What the reference points to now.
    pub commit: ObjectId,
    /// What it pointed to before; `None` for a new reference.
    pub old_commit: Option<ObjectId>,
}

impl Push {
    /// Whether both are pushes to one reference of one repository.
    pub fn is_of_same_reference(&self, other: &Self) -> bool {
        self.reference == other.reference
            && self.repository == other.repository
            && self.account == other.account
            && self.region == other.region
    }
}

/// A branch or a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub kind: ReferenceKind,
    /// The name without `refs/heads/` or `refs/tags/`, slashes and all.
    pub short_name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceKind {
    Branch,
    Tag,
}

impl Reference {
    pub fn full_name(&self) -> String {
        format!("{}{}", self.kind.prefix(), self.short_name)
    }
}

impl ReferenceKind {
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Branch => "refs/heads/",
            Self::Tag => "refs/tags/",
        }
    }
}

#[cfg(test)]
impl Push {
    /// Any push of a reference that is new, for tests to change.
    pub(crate) fn sample(kind: ReferenceKind, short_name: &str) -> Self {
        Self {
            event_id: "e1".to_owned(),
            time: time::macros::datetime!(2026-01-02 03:04:05 UTC),
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
            repository: "shop".to_owned(),
            reference: Reference {
                kind,
                short_name: short_name.to_owned(),
            },
            commit: ObjectId::null(gix_hash::Kind::Sha1),
            old_commit: None,
        }
    }
}
