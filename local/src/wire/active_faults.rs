//! Faults carried out: what [`crate::faults`] decides, done to a request and its answer.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::CONTENT_LENGTH;
use serde_json::{Value, json};

use super::answer::Answer;
use crate::calls::{Call, Service};
use crate::error::ServiceError;
use crate::faults::{Action, Fault, Faults, Shape, WrongJson, change_json, flip_bit};

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
    /// Those that were carried out.
    pub done: Vec<Action>,
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
        for fault in self.due.clone() {
            let refusal = |status, code: &str, message: &str| {
                Some(Outcome::Answer(refusal(service, status, code, message)))
            };
            let outcome = match &fault.action {
                Action::Latency { ms, jitter_ms } => {
                    let jitter = Duration::from_millis(*jitter_ms).mul_f64(fault.draw);
                    tokio::time::sleep(Duration::from_millis(*ms) + jitter).await;
                    self.done.push(fault.action);
                    continue;
                }
                Action::Throttle { shape } | Action::RateCap { shape, .. } => {
                    Some(Outcome::Answer(throttled(*shape, service)))
                }
                Action::ServerError { status } => refusal(
                    *status,
                    "InternalFailure",
                    "The request processing has failed.",
                ),
                Action::Exception {
                    code,
                    status,
                    message,
                } => refusal(*status, code, message),
                Action::ResetBefore => Some(Outcome::Reset),
                Action::KillBefore => Some(Outcome::Kill),
                _ => None,
            };
            if outcome.is_some() {
                self.done.push(fault.action);
                return outcome;
            }
        }
        None
    }

    /// Takes the entries that are to fail out of a batch, and returns what the answer says of them.
    pub fn fail_entries(&mut self, input: &mut Value) -> Vec<Value> {
        let Some(entries) = input.get_mut("Entries").and_then(Value::as_array_mut) else {
            return Vec::new();
        };
        let mut failed = Vec::new();
        for fault in &self.due {
            let Action::FailEntry { entry } = &fault.action else {
                continue;
            };
            let id = entry.checked_sub(1).and_then(|at| entries.get_mut(at));
            if let Some(entry) = id.filter(|entry| !entry.is_null())
                && self.faults.confirm(fault.id)
            {
                failed.push(json!({
                    "Id": entry.take()["Id"],
                    "Code": "InternalError",
                    "SenderFault": false,
                    "Message": "failed by a fault",
                }));
                self.done.push(fault.action.clone());
            }
        }
        entries.retain(|entry| !entry.is_null());
        failed
    }

    pub fn change(&mut self, answer: &mut Value) {
        for fault in self
            .due
            .iter()
            .filter(|fault| fault.action.changes_answer())
        {
            let mut changed = answer.clone();
            if change_json(&fault.action, &mut changed, fault.draw) && self.faults.confirm(fault.id)
            {
                *answer = changed;
                self.done.push(fault.action.clone());
            }
        }
    }

    /// The outcome of a call that its service has answered.
    pub fn after(&mut self, mut answer: Answer, operation: &str) -> Outcome {
        for fault in &self.due {
            match fault.action {
                Action::FlipBit if operation == "GetObject" && answer.status.is_success() => {
                    let mut bytes = answer.bytes.to_vec();
                    if !flip_bit(&mut bytes) || !self.faults.confirm(fault.id) {
                        continue;
                    }
                    answer.bytes = bytes.into();
                }
                Action::ResetAfter => {
                    self.done.push(fault.action.clone());
                    return Outcome::Reset;
                }
                Action::KillAfter => {
                    self.done.push(fault.action.clone());
                    return Outcome::Kill;
                }
                Action::Stall { after_bytes, ms } => {
                    answer.breaks_off = Some((after_bytes, Duration::from_millis(ms)));
                }
                Action::Truncate => {
                    answer.breaks_off = Some((answer.bytes.len() / 2, BEFORE_CLOSING));
                }
                Action::WrongJson(how) => {
                    answer.headers.remove(CONTENT_LENGTH);
                    answer.bytes = match how {
                        WrongJson::Cut => answer.bytes.slice(..answer.bytes.len() / 2),
                        WrongJson::Garbage => {
                            Bytes::from_static(b"<html><body>502 Bad Gateway</body></html>")
                        }
                        WrongJson::EmptyObject => Bytes::from_static(b"{}"),
                    };
                }
                _ => continue,
            }
            self.done.push(fault.action.clone());
        }
        Outcome::Answer(answer)
    }
}

/// A refusal for calling too often. Source of the shapes: see [`Shape`].
fn throttled(shape: Shape, service: Service) -> Answer {
    let refusal = |status, code, message| refusal(service, status, code, message);
    match shape {
        Shape::Xml => {
            let body = "<ThrottlingException>\n  <Message>Rate exceeded</Message>\n</ThrottlingException>\n";
            let mut answer = Answer::new(400, None, body);
            answer.error = Some("ThrottlingException".to_owned());
            answer
        }
        Shape::Json => refusal(400, "ThrottlingException", "Rate exceeded"),
        Shape::TooManyRequests => refusal(429, "TooManyRequestsException", "Rate exceeded"),
        Shape::SlowDown => refusal(503, "SlowDown", "Please reduce your request rate."),
    }
}

fn refusal(service: Service, status: u16, code: &str, message: &str) -> Answer {
    let error = ServiceError {
        status,
        ..ServiceError::new(code, message)
    };
    Answer::error(service, &error)
}
