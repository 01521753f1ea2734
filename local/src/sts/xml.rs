//! Answers of the Query protocol.

use uuid::Uuid;

use crate::error::ServiceError;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// One element with text.
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escaped(text))
}

/// The whole answer to an action, around the members of its result.
pub(super) fn response(action: &str, result: &str) -> String {
    let request = element("RequestId", &Uuid::new_v4().to_string());
    format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{result}</{action}Result><ResponseMetadata>{request}</ResponseMetadata></{action}Response>"
    )
}

/// The body of an answer that says no, with the error's status.
pub fn error_xml(error: &ServiceError) -> String {
    let members = [
        element(
            "Type",
            if error.status < 500 {
                "Sender"
            } else {
                "Receiver"
            },
        ),
        element("Code", &error.code),
        element("Message", &error.message),
    ];
    let request = element("RequestId", &Uuid::new_v4().to_string());
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error>{}</Error>{request}</ErrorResponse>",
        members.concat()
    )
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            c => escaped.push(c),
        }
    }
    escaped
}
