//! A sender's own message attributes: the digest that SDKs verify, and which ones a receiver wants.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::fault::invalid;
use super::message::md5_of;
use crate::error::ServiceError;

/// The attributes that `MessageAttributeNames` asks for: by name, by `prefix.*`, or all.
pub(super) fn chosen(attributes: &Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let wanted = |attribute: &str| {
        names.iter().any(|name| match name.strip_suffix(".*") {
            Some(prefix) => attribute.starts_with(prefix),
            None => *name == "All" || *name == attribute,
        })
    };
    attributes
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// The digest of all attributes; none where there are none.
///
/// Source: "Calculating the MD5 message digest for message attributes", SQS Developer Guide.
pub(super) fn md5_of_attributes(
    attributes: &Map<String, Value>,
) -> Result<Option<String>, ServiceError> {
    let mut sorted: Vec<(&String, &Value)> = attributes.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    let mut encoded = Vec::new();
    for (name, value) in sorted {
        let wrong = || {
            invalid(
                name,
                "MessageAttributes",
                "It must have a type and a value of it.",
            )
        };
        let kind = value["DataType"].as_str().ok_or_else(wrong)?;
        put(&mut encoded, name.as_bytes());
        put(&mut encoded, kind.as_bytes());
        if kind.starts_with("Binary") {
            let binary = value["BinaryValue"].as_str().ok_or_else(wrong)?;
            encoded.push(2);
            put(&mut encoded, &STANDARD.decode(binary).map_err(|_| wrong())?);
        } else {
            encoded.push(1);
            put(
                &mut encoded,
                value["StringValue"].as_str().ok_or_else(wrong)?.as_bytes(),
            );
        }
    }
    Ok((!encoded.is_empty()).then(|| md5_of(&encoded)))
}

/// A length in four bytes, then the bytes.
fn put(encoded: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    encoded.extend(length.to_be_bytes());
    encoded.extend(bytes);
}
