//! What a function's answer says about the messages of its batch.
//!
//! Source: "Reporting batch item failures" in Lambda's guide for SQS, success and failure
//! conditions.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

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
        match failures(answer) {
            Ok(failures) if failures.is_empty() => Self::Success,
            Ok(failures) if failures.is_subset(message_ids) => Self::Failures(failures),
            Ok(failures) => Self::Malformed(format!("not all of the batch: {failures:?}")),
            Err(error) => Self::Malformed(error.to_string()),
        }
    }
}

fn failures(answer: &[u8]) -> serde_json::Result<BTreeSet<String>> {
    let answer: Option<Map<String, Value>> = serde_json::from_slice(answer)?;
    let list = answer.and_then(|mut answer| answer.remove("batchItemFailures"));
    let items: Option<Vec<Map<String, Value>>> = serde_json::from_value(list.unwrap_or_default())?;
    let id = |mut item: Map<String, Value>| item.remove("itemIdentifier").unwrap_or_default();
    let ids = items.into_iter().flatten().map(id);
    ids.map(serde_json::from_value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_fails_what_it_names_and_one_that_makes_no_sense_the_whole_batch() {
        let ids = ["a", "b"].map(str::to_owned).into();
        let read = |answer: &str| BatchResponse::read(answer.as_bytes(), &ids);
        let list = |list: &str| format!(r#"{{"batchItemFailures":{list}}}"#);
        let success = ["", " \n", "null", "{}", r#"{"statusCode":200}"#].map(str::to_owned);
        for answer in success.into_iter().chain([list("[]"), list("null")]) {
            assert_eq!(read(&answer), BatchResponse::Success, "{answer:?}");
        }
        let twice = list(r#"[{"itemIdentifier":"b"},{"itemIdentifier":"b"}]"#);
        let b = BatchResponse::Failures(["b".to_owned()].into());
        assert_eq!(read(&twice), b);
        let wrong = [
            r#""a""#,
            r#"["a"]"#,
            r#"[{"itemIdentifier":"a"},{"itemIdentifier":""}]"#,
            r#"[{"itemIdentifier":null}]"#,
            r#"[{"itemIdentifier":"zzz"}]"#,
            r#"[{"item_identifier":"a"}]"#,
        ];
        let no_object = ["not json", r#""ok""#, "[]", "true"].map(str::to_owned);
        for answer in wrong.map(list).into_iter().chain(no_object) {
            let is_malformed = matches!(read(&answer), BatchResponse::Malformed(_));
            assert!(is_malformed, "{answer}");
        }
    }
}
