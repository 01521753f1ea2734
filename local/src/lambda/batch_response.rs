//! What a function's answer says about the messages of its batch.
//!
//! Source: "Reporting batch item failures" in Lambda's guide for SQS, success and failure
//! conditions.

use std::collections::BTreeSet;

use serde_json::Value;

/// An answer, as Lambda reads it with `ReportBatchItemFailures`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchResponse {
    /// All messages are handled: nothing, null, `{}`, or an empty or null list of failures.
    Success,
    /// These messages failed; the others are handled.
    Failures(BTreeSet<String>),
    /// The answer makes no sense, and so the whole batch failed. Says why.
    Malformed(String),
}

impl BatchResponse {
    /// Reads an answer to a batch of the messages with these ids.
    pub fn read(answer: &[u8], message_ids: &BTreeSet<String>) -> Self {
        if answer.trim_ascii().is_empty() {
            return Self::Success;
        }
        let answer: Value = match serde_json::from_slice(answer) {
            Ok(answer) => answer,
            Err(error) => return Self::Malformed(format!("not JSON: {error}")),
        };
        let list = match &answer {
            Value::Null => return Self::Success,
            Value::Object(answer) => answer.get("batchItemFailures").unwrap_or(&Value::Null),
            _ => return Self::Malformed(format!("not an object: {answer}")),
        };
        let items = match list {
            Value::Null => return Self::Success,
            Value::Array(items) if items.is_empty() => return Self::Success,
            Value::Array(items) => items,
            _ => return Self::Malformed(format!("batchItemFailures is not a list: {list}")),
        };
        let mut failures = BTreeSet::new();
        for item in items {
            match item.get("itemIdentifier").and_then(Value::as_str) {
                Some(id) if message_ids.contains(id) => {
                    failures.insert(id.to_owned());
                }
                Some(id) => {
                    return Self::Malformed(format!(
                        "itemIdentifier {id:?} is not a message of the batch"
                    ));
                }
                None => return Self::Malformed(format!("no itemIdentifier in {item}")),
            }
        }
        Self::Failures(failures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_fails_what_it_names_and_one_that_makes_no_sense_the_whole_batch() {
        let ids = ["a", "b"].map(str::to_owned).into();
        let read = |answer: &str| BatchResponse::read(answer.as_bytes(), &ids);
        let success = ["", " \n", "null", "{}", r#"{"statusCode":200}"#];
        for answer in success {
            assert_eq!(read(answer), BatchResponse::Success, "{answer:?}");
        }
        let list = |list: &str| read(&format!(r#"{{"batchItemFailures":{list}}}"#));
        assert_eq!(list("[]"), BatchResponse::Success);
        assert_eq!(list("null"), BatchResponse::Success);
        let b = BatchResponse::Failures(["b".to_owned()].into());
        assert_eq!(
            list(r#"[{"itemIdentifier":"b"},{"itemIdentifier":"b"}]"#),
            b
        );
        for wrong in [
            r#""a""#,
            r#"["a"]"#,
            r#"[{"itemIdentifier":"a"},{"itemIdentifier":""}]"#,
            r#"[{"itemIdentifier":null}]"#,
            r#"[{"itemIdentifier":"zzz"}]"#,
            r#"[{"item_identifier":"a"}]"#,
        ] {
            assert!(
                matches!(list(wrong), BatchResponse::Malformed(_)),
                "{wrong}"
            );
        }
        for wrong in ["not json", r#""ok""#, "[]", "true"] {
            assert!(
                matches!(read(wrong), BatchResponse::Malformed(_)),
                "{wrong}"
            );
        }
    }
}
