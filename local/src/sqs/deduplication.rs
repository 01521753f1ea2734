//! What a queue remembers of the messages it took, so that a duplicate is answered as the first was
//! and not taken again. Source: SendMessage, SQS API reference.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

/// "During the 5-minute deduplication interval" (SendMessage).
const INTERVAL: Duration = Duration::from_mins(5);

/// What the sender is told; for a duplicate, what was told for the first.
#[derive(Clone, Debug)]
pub(super) struct Accepted {
    pub message_id: String,
    pub sequence: Option<u128>,
}

/// What was answered, and when, by deduplication id.
#[derive(Default)]
pub(super) struct Answers(HashMap<String, (Accepted, SystemTime)>);

impl Answers {
    /// What was answered to the first message of this id, for as long as duplicates are known.
    pub fn first(&mut self, id: Option<&str>, now: SystemTime) -> Option<Accepted> {
        self.0.retain(|_, (_, at)| now < *at + INTERVAL);
        self.0.get(id?).map(|(accepted, _)| accepted.clone())
    }

    /// Keeps an answer for the duplicates to come.
    pub fn remember(&mut self, id: &str, accepted: &Accepted, now: SystemTime) {
        self.0.insert(id.to_owned(), (accepted.clone(), now));
    }
}
