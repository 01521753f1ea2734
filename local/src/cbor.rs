//! The Smithy RPC v2 CBOR protocol, between its bytes and the JSON values of the services.
//!
//! CodeBuild's model names it before JSON, and an SDK may choose it
//! (`POST /service/CodeBuild_20161006/operation/{operation}` with the header
//! `smithy-protocol: rpc-v2-cbor`, which the answer carries too). What differs from JSON is the
//! timestamp, which is CBOR's tag 1, and the blob, which is a byte string. Source: "Smithy RPC v2
//! CBOR protocol", smithy.io.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ciborium::Value as Cbor;
use serde_json::{Map, Number, Value, json};

use crate::error::ServiceError;

/// The members of CodeBuild's answers that are timestamps, among those that are written here.
pub const CODEBUILD_TIMESTAMPS: [&str; 4] = ["startTime", "endTime", "created", "lastModified"];

/// The tag of seconds since the Unix epoch (RFC 8949, section 3.4.2).
const EPOCH_SECONDS: u64 = 1;

/// Reads a request's body. No body at all is a request without members.
///
/// # Errors
/// `SerializationException` where the bytes are not one CBOR item that JSON can hold.
pub fn read(body: &[u8]) -> Result<Value, ServiceError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    let item: Cbor = ciborium::from_reader(body).map_err(|error| malformed(&error.to_string()))?;
    to_json(item)
}

/// Writes an answer's body; numbers of the members named in `timestamps`, at any depth, become
/// timestamps.
pub fn write(answer: &Value, timestamps: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    ciborium::into_writer(&from_json(answer, timestamps), &mut body)
        .expect("a Vec takes every byte, and an item made from JSON can be written");
    body
}

/// Writes the body of an answer that says no, with the error's status; `namespace` is the service
/// model's, for instance `com.amazonaws.codebuild`.
pub fn write_error(error: &ServiceError, namespace: &str) -> Vec<u8> {
    let shape = format!("{namespace}#{}", error.code);
    write(&json!({"__type": shape, "message": error.message}), &[])
}

fn to_json(item: Cbor) -> Result<Value, ServiceError> {
    Ok(match item {
        Cbor::Null => Value::Null,
        Cbor::Bool(truth) => Value::Bool(truth),
        Cbor::Text(text) => Value::String(text),
        Cbor::Bytes(bytes) => Value::String(STANDARD.encode(bytes)),
        Cbor::Integer(integer) => {
            let number = i128::from(integer);
            let number = i64::try_from(number)
                .map(Number::from)
                .or_else(|_| u64::try_from(number).map(Number::from));
            Value::Number(number.map_err(|_| malformed("an integer is out of range"))?)
        }
        Cbor::Float(float) => Number::from_f64(float)
            .map(Value::Number)
            .ok_or_else(|| malformed("a number is not finite"))?,
        // A timestamp's seconds, as JSON has them; other tags say nothing that JSON could.
        Cbor::Tag(_, inner) => to_json(*inner)?,
        Cbor::Array(items) => {
            Value::Array(items.into_iter().map(to_json).collect::<Result<_, _>>()?)
        }
        Cbor::Map(members) => {
            let mut map = Map::new();
            for (key, value) in members {
                let key = key
                    .into_text()
                    .map_err(|_| malformed("a member's name is no text"))?;
                map.insert(key, to_json(value)?);
            }
            Value::Object(map)
        }
        _ => {
            return Err(malformed(
                "an item is of a kind that the protocol does not have",
            ));
        }
    })
}

fn from_json(value: &Value, timestamps: &[&str]) -> Cbor {
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(truth) => Cbor::Bool(*truth),
        Value::String(text) => Cbor::Text(text.clone()),
        Value::Number(number) => from_number(number),
        Value::Array(items) => Cbor::Array(
            items
                .iter()
                .map(|item| from_json(item, timestamps))
                .collect(),
        ),
        Value::Object(members) => Cbor::Map(
            members
                .iter()
                // An absent member and a null one mean the same; the protocol omits them.
                .filter(|(_, value)| !value.is_null())
                .map(|(name, value)| {
                    let item = match value.as_f64() {
                        Some(seconds) if timestamps.contains(&name.as_str()) => {
                            Cbor::Tag(EPOCH_SECONDS, Box::new(Cbor::Float(seconds)))
                        }
                        _ => from_json(value, timestamps),
                    };
                    (Cbor::Text(name.clone()), item)
                })
                .collect(),
        ),
    }
}

fn from_number(number: &Number) -> Cbor {
    match (number.as_i64(), number.as_u64(), number.as_f64()) {
        (Some(integer), _, _) => Cbor::Integer(integer.into()),
        (_, Some(integer), _) => Cbor::Integer(integer.into()),
        (_, _, Some(float)) => Cbor::Float(float),
        _ => Cbor::Null,
    }
}

fn malformed(why: &str) -> ServiceError {
    ServiceError::new(
        "SerializationException",
        format!("The body is not valid CBOR: {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_its_json_would_be() {
        let item = Cbor::Map(vec![
            ("projectName".into(), "app".into()),
            (
                "environmentVariablesOverride".into(),
                Cbor::Array(vec![Cbor::Map(vec![])]),
            ),
            ("timeoutInMinutesOverride".into(), 5.into()),
            ("privilegedModeOverride".into(), true.into()),
            ("blob".into(), Cbor::Bytes(vec![0, 255])),
            ("at".into(), Cbor::Tag(1, Box::new(Cbor::Float(1.5)))),
        ]);
        let mut body = Vec::new();
        ciborium::into_writer(&item, &mut body).unwrap();
        assert_eq!(
            read(&body).unwrap(),
            json!({
                "projectName": "app", "environmentVariablesOverride": [{}],
                "timeoutInMinutesOverride": 5, "privilegedModeOverride": true, "blob": "AP8=",
                "at": 1.5,
            })
        );
        // {_ "id": "x"}: of indefinite length, as some SDKs write their requests.
        let indefinite = [0xbf, 0x62, b'i', b'd', 0x61, b'x', 0xff];
        assert_eq!(read(&indefinite).unwrap(), json!({"id": "x"}));
        assert_eq!(read(&[]).unwrap(), json!({}));
    }

    #[test]
    fn what_is_no_cbor_is_refused() {
        for body in [&[0xff][..], &[0xbf, 0x62], &[0xa1, 0x01, 0x02]] {
            assert_eq!(read(body).unwrap_err().code, "SerializationException");
        }
    }

    #[test]
    fn an_answer_has_its_timestamps_tagged_and_nothing_else() {
        let answer =
            json!({"build": {"startTime": 1.5, "buildNumber": 1, "x": null, "endTime": 2}});
        let item: Cbor = ciborium::from_reader(&write(&answer, &CODEBUILD_TIMESTAMPS)[..]).unwrap();
        let time = |seconds| Cbor::Tag(1, Box::new(Cbor::Float(seconds)));
        let build = Cbor::Map(vec![
            ("buildNumber".into(), 1.into()),
            ("endTime".into(), time(2.0)),
            ("startTime".into(), time(1.5)),
        ]);
        assert_eq!(item, Cbor::Map(vec![("build".into(), build)]));
    }

    #[test]
    fn an_error_names_its_shape() {
        let error = ServiceError::new("InvalidInputException", "no");
        let body = read(&write_error(&error, "com.amazonaws.codebuild")).unwrap();
        assert_eq!(
            body,
            json!({"__type": "com.amazonaws.codebuild#InvalidInputException", "message": "no"})
        );
    }
}
