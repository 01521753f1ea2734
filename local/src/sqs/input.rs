//! The members of a request, read one by one, each refused in SQS's own words.

use std::time::Duration;

use serde_json::{Map, Value};

use super::fault::{invalid, missing};
use crate::error::ServiceError;

/// A request's structure, or an entry of a batch.
#[derive(Clone, Copy)]
pub(super) struct Input<'a>(pub &'a Value);

impl<'a> Input<'a> {
    /// A string that must be there.
    pub fn text(self, name: &str) -> Result<&'a str, ServiceError> {
        self.maybe_text(name)?.ok_or_else(|| missing(name))
    }

    /// A string that may be there.
    pub fn maybe_text(self, name: &str) -> Result<Option<&'a str>, ServiceError> {
        match &self.0[name] {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(text)),
            other => Err(malformed(name, other)),
        }
    }

    /// A number within its documented range, if it is there.
    pub fn number(self, name: &str, least: u64, most: u64) -> Result<Option<u64>, ServiceError> {
        let value = &self.0[name];
        if value.is_null() {
            return Ok(None);
        }
        if !value.is_i64() && !value.is_u64() {
            return Err(malformed(name, value));
        }
        let number = value
            .as_u64()
            .filter(|number| (least..=most).contains(number));
        let reason = format!("Must be between {least} and {most}, if provided.");
        number
            .map(Some)
            .ok_or_else(|| invalid(&value.to_string(), name, &reason))
    }

    /// A number of seconds within its documented range, if it is there.
    pub fn seconds(self, name: &str, most: u64) -> Result<Option<Duration>, ServiceError> {
        Ok(self.number(name, 0, most)?.map(Duration::from_secs))
    }

    /// A list of strings; an absent one is empty.
    pub fn texts(self, name: &str) -> Result<Vec<&'a str>, ServiceError> {
        self.list(name)?
            .iter()
            .map(|item| item.as_str().ok_or_else(|| malformed(name, item)))
            .collect()
    }

    /// A list; an absent one is empty.
    pub fn list(self, name: &str) -> Result<&'a [Value], ServiceError> {
        match &self.0[name] {
            Value::Null => Ok(&[]),
            Value::Array(items) => Ok(items),
            other => Err(malformed(name, other)),
        }
    }

    /// A map; an absent one is empty.
    pub fn map(self, name: &str) -> Result<Map<String, Value>, ServiceError> {
        match &self.0[name] {
            Value::Null => Ok(Map::new()),
            Value::Object(members) => Ok(members.clone()),
            other => Err(malformed(name, other)),
        }
    }

    /// A map of strings, as queue attributes are given.
    pub fn strings(self, name: &str) -> Result<Vec<(String, String)>, ServiceError> {
        self.map(name)?
            .into_iter()
            .map(|(key, value)| match value {
                Value::String(text) => Ok((key, text)),
                other => Err(malformed(&key, &other)),
            })
            .collect()
    }
}

/// A member of the wrong type, as every AWS JSON service refuses it.
fn malformed(name: &str, value: &Value) -> ServiceError {
    let message = format!("Unexpected value for the member {name}: {value}");
    ServiceError::new("SerializationException", message)
}
