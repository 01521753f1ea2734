//! What a function's answer says about the messages of its batch, as Lambda reads it with
//! `ReportBatchItemFailures`.
//!
//! Source: "Reporting batch item failures" in Lambda's guide for SQS, success and failure
//! conditions.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The messages that an answer to a batch of these messages says have failed. None have where it
/// is empty, null, `{}`, or has an empty or null list; all have where it makes no sense, and the
/// error says why.
pub fn failures(answer: &[u8], message_ids: &BTreeSet<String>) -> Result<BTreeSet<String>, String> {
    if answer.trim_ascii().is_empty() {
        return Ok(BTreeSet::new());
    }
    let failures = read(answer).map_err(|error| error.to_string())?;
    if failures.is_subset(message_ids) {
        Ok(failures)
    } else {
        Err(format!("not all of the batch: {failures:?}"))
    }
}

fn read(answer: &[u8]) -> serde_json::Result<BTreeSet<String>> {
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
        let read = |answer: &str| failures(answer.as_bytes(), &ids);
        let list = |list: &str| format!(r#"{{"batchItemFailures":{list}}}"#);
        let success = ["", " \n", "null", "{}", r#"{"statusCode":200}"#].map(str::to_owned);
        for answer in success.into_iter().chain([list("[]"), list("null")]) {
            assert_eq!(read(&answer), Ok(BTreeSet::new()), "{answer:?}");
        }
        let twice = list(r#"[{"itemIdentifier":"b"},{"itemIdentifier":"b"}]"#);
        assert_eq!(read(&twice), Ok(["b".to_owned()].into()));
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
            assert!(read(&answer).is_err(), "{answer}");
        }
    }
}
