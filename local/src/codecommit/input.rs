//! The members of a call, and what CodeCommit says to wrong ones.
//!
//! A member that is left out and one that is null are the same. An empty name or id counts as
//! left out; an empty path does not, since it is the root folder.

use serde_json::{Map, Value};

use crate::error::ServiceError;

/// The members of one call.
#[derive(Debug)]
pub(super) struct Input(Map<String, Value>);

impl Input {
    pub(super) fn new(input: Value) -> Result<Self, ServiceError> {
        match input {
            Value::Object(members) => Ok(Self(members)),
            other => Err(wrong_type("the input", "an object", &other)),
        }
    }

    /// A text member, or `None` where it is left out.
    pub(super) fn text(&self, member: &str) -> Result<Option<&str>, ServiceError> {
        match self.0.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(member, "a string", other)),
        }
    }

    /// A text member that must be there and must not be empty; `exception` is for when it is not.
    pub(super) fn required(&self, member: &str, exception: &str) -> Result<&str, ServiceError> {
        match self.text(member)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(ServiceError::new(
                exception,
                format!("{member} is required"),
            )),
        }
    }

    /// An integer member, or `None` where it is left out.
    pub(super) fn integer(&self, member: &str) -> Result<Option<i64>, ServiceError> {
        match self.0.get(member) {
            None | Some(Value::Null) => Ok(None),
            Some(other) => other
                .as_i64()
                .map(Some)
                .ok_or_else(|| wrong_type(member, "an integer", other)),
        }
    }

    /// All members that are not among `left_out`.
    pub(super) fn without(&self, left_out: &[&str]) -> Map<String, Value> {
        let mut members = self.0.clone();
        members.retain(|name, value| !left_out.contains(&name.as_str()) && !value.is_null());
        members
    }
}

/// What every AWS JSON service answers to a member of the wrong type.
fn wrong_type(member: &str, expected: &str, found: &Value) -> ServiceError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    ServiceError::new(
        "SerializationException",
        format!("{member} should be {expected}, is {found}"),
    )
}

/// Refuses what cannot be a repository's name: 1 to 100 letters, digits, `.`, `_` and `-`, not
/// ending in `.git` (<https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html>).
pub(super) fn check_repository_name(name: &str) -> Result<(), ServiceError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if (1..=100).contains(&name.len())
        && name.bytes().all(allowed)
        && name.strip_suffix(".git").is_none()
    {
        return Ok(());
    }
    Err(ServiceError::new(
        "InvalidRepositoryNameException",
        "repository names are 1 to 100 letters, digits, '.', '_' and '-', and do not end in .git",
    ))
}

/// Reads a full object id: CodeCommit takes no short ones. `exception` is for anything else.
pub(super) fn object_id(id: &str, exception: &str) -> Result<gix::ObjectId, ServiceError> {
    gix::ObjectId::from_hex(id.as_bytes())
        .map_err(|_| ServiceError::new(exception, format!("{id:?} is no full object id")))
}
