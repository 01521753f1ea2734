//! Faults carried out: what [`crate::faults`] decides, done to a request and its answer.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::CONTENT_LENGTH;
use serde_json::{Value, json};

use super::answer::Answer;
use crate::calls::{Call, Service};
use crate::error::ServiceError;
use crate::faults::{Action, Fault, Faults, Shape, WrongJson, change_json, flip_bit};
use crate::sqs::FAILS;

/// Long enough that the first half of a truncated answer goes out before the connection closes.
const BEFORE_CLOSING: Duration = Duration::from_millis(20);

pub enum Outcome {
    Answer(Answer),
    Reset,
    /// A reset connection, once the caller's process is killed.
    Kill,
}

/// The faults that apply to one call.
pub struct ActiveFaults<'a> {
    faults: &'a Faults,
    due: Vec<Fault>,
    /// Those that were carried out, for the call log.
    pub done: Vec<String>,
}

impl<'a> ActiveFaults<'a> {
    pub fn on_call(faults: &'a Faults, call: &Call) -> Self {
        Self {
            faults,
            due: faults.on_call(call),
            done: Vec::new(),
        }
    }

    /// The outcome of a call that does not reach its service; `None` if it does.
    pub async fn before(&mut self, service: Service) -> Option<Outcome> {
        for fault in &self.due {
            let outcome = instead_of_the_service(&fault.action, service);
            if let Action::Latency { ms, jitter_ms } = fault.action {
                let jitter = Duration::from_millis(jitter_ms).mul_f64(fault.draw);
                tokio::time::sleep(Duration::from_millis(ms) + jitter).await;
            } else if outcome.is_none() {
                continue;
            }
            self.done.push(format!("{:?}", fault.action));
            if outcome.is_some() {
                return outcome;
            }
        }
        None
    }

    /// Marks the entries of a batch that are to fail.
    pub fn fail_entries(&mut self, input: &mut Value) {
        for fault in &self.due {
            let Action::FailEntry { entry } = fault.action else {
                continue;
            };
            let entries = input.get_mut("Entries").and_then(Value::as_array_mut);
            let entry = entries.and_then(|entries| entries.get_mut(entry.checked_sub(1)?));
            if let Some(Value::Object(entry)) = entry
                && self.faults.confirm(fault.id)
            {
                entry.insert(FAILS.to_owned(), json!(true));
                self.done.push(format!("{:?}", fault.action));
            }
        }
    }

    pub fn change(&mut self, answer: &mut Value) {
        for fault in &self.due {
            if !fault.action.changes_answer() {
                continue;
            }
            let mut changed = answer.clone();
            if change_json(&fault.action, &mut changed, fault.draw) && self.faults.confirm(fault.id)
            {
                *answer = changed;
                self.done.push(format!("{:?}", fault.action));
            }
        }
    }

    /// The outcome of a call that its service has answered.
    pub fn after(&mut self, mut answer: Answer, operation: &str) -> Outcome {
        for fault in &self.due {
            let outcome = match fault.action {
                Action::ResetAfter => Some(Outcome::Reset),
                Action::KillAfter => Some(Outcome::Kill),
                Action::FlipBit if operation == "GetObject" && answer.status.is_success() => {
                    let mut bytes = answer.bytes.to_vec();
                    if !flip_bit(&mut bytes) || !self.faults.confirm(fault.id) {
                        continue;
                    }
                    answer.bytes = bytes.into();
                    None
                }
                Action::Stall { after_bytes, ms } => {
                    answer.breaks_off = Some((after_bytes, Duration::from_millis(ms)));
                    None
                }
                Action::Truncate => {
                    answer.breaks_off = Some((answer.bytes.len() / 2, BEFORE_CLOSING));
                    None
                }
                Action::WrongJson(how) => {
                    answer.headers.remove(CONTENT_LENGTH);
                    answer.bytes = wrong_json(how, &answer.bytes);
                    None
                }
                _ => continue,
            };
            self.done.push(format!("{:?}", fault.action));
            if let Some(outcome) = outcome {
                return outcome;
            }
        }
        Outcome::Answer(answer)
    }
}

/// The outcome of a call that a fault keeps from its service.
fn instead_of_the_service(action: &Action, service: Service) -> Option<Outcome> {
    let (status, code, message) = match action {
        Action::ResetBefore => return Some(Outcome::Reset),
        Action::KillBefore => return Some(Outcome::Kill),
        Action::Throttle { shape } | Action::RateCap { shape, .. } => match shape {
            Shape::Xml => {
                let body = "<ThrottlingException>\n  <Message>Rate exceeded</Message>\n</ThrottlingException>\n";
                let mut answer = Answer::new(400, None, body);
                answer.error = Some("ThrottlingException".to_owned());
                return Some(Outcome::Answer(answer));
            }
            Shape::Json => (400, "ThrottlingException", "Rate exceeded"),
            Shape::TooManyRequests => (429, "TooManyRequestsException", "Rate exceeded"),
            Shape::SlowDown => (503, "SlowDown", "Please reduce your request rate."),
        },
        Action::ServerError { status } => {
            let message = "The request processing has failed.";
            (*status, "InternalFailure", message)
        }
        Action::Exception {
            code,
            status,
            message,
        } => (*status, &**code, &**message),
        _ => return None,
    };
    let error = ServiceError {
        status,
        ..ServiceError::new(code, message)
    };
    Some(Outcome::Answer(Answer::error(service, &error)))
}

fn wrong_json(how: WrongJson, right: &Bytes) -> Bytes {
    match how {
        WrongJson::Cut => right.slice(..right.len() / 2),
        WrongJson::Garbage => Bytes::from_static(b"<html><body>502 Bad Gateway</body></html>"),
        WrongJson::EmptyObject => Bytes::from_static(b"{}"),
    }
}
