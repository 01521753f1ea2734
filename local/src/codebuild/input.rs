//! A request's members, and what CodeBuild answers where they are wrong.

use serde_json::Value;

use crate::error::ServiceError;

/// A value that the action does not take.
pub(super) fn invalid(message: impl Into<String>) -> ServiceError {
    ServiceError::new("InvalidInputException", message)
}

/// A project or build that is not there.
pub(super) fn not_found(message: impl Into<String>) -> ServiceError {
    ServiceError::new("ResourceNotFoundException", message)
}

/// A member that is a string, if it is there.
pub(super) fn optional<'a>(input: &'a Value, name: &str) -> Result<Option<&'a str>, ServiceError> {
    match &input[name] {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        other => Err(ServiceError::new(
            "SerializationException",
            format!("Unexpected value for the member {name}: {other}"),
        )),
    }
}

/// A member that must be a string, and not an empty one.
pub(super) fn required<'a>(input: &'a Value, name: &str) -> Result<&'a str, ServiceError> {
    optional(input, name)?.filter(|text| !text.is_empty()).ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must not be null or empty"
        ))
    })
}

/// Refuses a member whose value is not one of an enumeration's.
pub(super) fn one_of(input: &Value, name: &str, allowed: &[&str]) -> Result<(), ServiceError> {
    match optional(input, name)? {
        Some(value) if !allowed.contains(&value) => Err(invalid(format!(
            "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: Member must satisfy enum value set: [{}]",
            allowed.join(", ")
        ))),
        _ => Ok(()),
    }
}
