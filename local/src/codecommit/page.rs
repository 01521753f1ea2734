//! Answers in pages, and the tokens that lead from one to the next.
//!
//! A token is opaque to callers. Here it is base64 of JSON, so that it carries what the next page
//! must be asked from: the same commits, though the branch may have moved in between.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::input::Input;
use crate::error::ServiceError;

/// Names in a page: "Batch sizes are 1,000 for list repository operations" (API_ListRepositories).
const NAMES: usize = 1000;

/// Writes a token.
pub(super) fn token(content: &impl Serialize) -> Result<String, ServiceError> {
    let content = serde_json::to_vec(content).map_err(ServiceError::internal)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(content))
}

/// Reads a token that [`token`] wrote.
pub(super) fn read<T: DeserializeOwned>(token: &str) -> Result<T, ServiceError> {
    let content = BASE64_URL_SAFE_NO_PAD.decode(token).ok();
    content
        .and_then(|content| serde_json::from_slice(&content).ok())
        .ok_or_else(|| invalid_token("it was not given out by this service"))
}

/// The exception for a token that cannot be gone on from.
pub(super) fn invalid_token(why: &str) -> ServiceError {
    ServiceError::new(
        "InvalidContinuationTokenException",
        format!("the token is invalid: {why}"),
    )
}

/// A page of a list of names, from `nextToken` on, under `member`.
pub(super) fn of_names(member: &str, all: &[Value], input: &Input) -> Result<Value, ServiceError> {
    let from = match input.text("nextToken")? {
        None => 0,
        Some(token) => {
            let (list, from): (String, usize) = read(token)?;
            if list != member || from > all.len() {
                return Err(invalid_token("it belongs to another list"));
            }
            from
        }
    };
    let until = all.len().min(from + NAMES);
    let mut answer = json!({member: all[from..until]});
    if until < all.len() {
        answer["nextToken"] = token(&(member, until))?.into();
    }
    Ok(answer)
}
