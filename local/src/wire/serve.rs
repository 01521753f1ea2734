//! One request from its arrival to its answer: parsed, met by faults, served, recorded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::json;

use super::Routes;
use super::active_faults::{ActiveFaults, Outcome, collect};
use super::answer::{Answer, Content, Protocol, xml_element};
use super::body::AnswerBody;
use super::caller;
use super::request::{Input, NoService, ParsedRequest, parse};
use crate::calls::{Call, CallLog, Service};
use crate::error::ServiceError;
use crate::faults::{Faults, Subject};

/// What serves requests, whatever connection they come by.
pub struct Front {
    pub routes: Routes,
    pub calls: CallLog,
    pub faults: Faults,
    /// By the access key ids that AssumeRole gave out.
    pub sessions: Mutex<BTreeMap<String, Session>>,
}

/// Whose a role's credentials are.
#[derive(Clone)]
pub struct Session {
    /// The access key id that assumed it.
    origin: String,
    role_arn: String,
}

impl Front {
    /// Serves a request; `None` means that the connection is to be reset instead of answered.
    ///
    /// Runs to its end even when the caller is gone: a request that has arrived takes effect.
    pub async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Option<Response<AnswerBody>> {
        let (start, clock) = (SystemTime::now(), Instant::now());
        let (parts, body) = request.into_parts();
        let access_key_id = caller::access_key_id(&parts.headers);
        let region = caller::region(&parts.headers);
        let versioned = caller::names_a_version(&parts.uri);
        let copied_from = caller::copied_from(&parts.headers);
        let attempt = caller::attempt(&parts.headers);
        let (origin, role) = self.origin(access_key_id.as_deref());
        let request = match parse(parts, body).await {
            Ok(request) => request,
            Err(NoService::Refused(protocol, error)) => {
                return Some(Answer::error(protocol, &error).into_response(protocol));
            }
            Err(NoService::CallList) => {
                let calls = serde_json::to_vec(&self.calls.list()).unwrap_or_default();
                let answer = Answer::new(200, Some("application/json"), calls);
                return Some(answer.into_response(Protocol::Json11));
            }
        };
        let number = self.calls.arrival();
        let ParsedRequest {
            protocol,
            service,
            operation,
            detail,
            input,
            bytes,
        } = request;
        let subject = Subject {
            service,
            operation: &operation,
            detail: &detail,
            access_key_id: origin.as_deref(),
        };
        let mut active = ActiveFaults::on_call(&self.faults, &subject);
        let outcome = if let Some(outcome) = active.before(protocol).await {
            outcome
        } else {
            let answer = self.answer(&subject, protocol, input, &mut active).await;
            active.after(answer, &operation).await
        };
        let (status, error, response_bytes) = match &outcome {
            Outcome::Answer(answer) => (
                Some(answer.status.as_u16()),
                answer.error.clone(),
                answer.length(),
            ),
            Outcome::Reset | Outcome::Kill => (None, None, 0),
        };
        self.calls.record(Call {
            number,
            service,
            faults: active.done,
            operation,
            detail,
            access_key_id,
            role,
            region,
            versioned: versioned && service == Service::S3,
            copied_from,
            attempt,
            status,
            error,
            request_bytes: bytes,
            response_bytes,
            start,
            duration: clock.elapsed(),
        });
        match outcome {
            Outcome::Answer(answer) => Some(answer.into_response(protocol)),
            Outcome::Reset => None,
            Outcome::Kill => {
                self.faults.kill(origin).await;
                None
            }
        }
    }

    /// The caller behind an access key id: the function where it has assumed a role, and the role.
    fn origin(&self, access_key_id: Option<&str>) -> (Option<String>, Option<String>) {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        match access_key_id.and_then(|id| sessions.get(id)) {
            Some(session) => (Some(session.origin.clone()), Some(session.role_arn.clone())),
            None => (access_key_id.map(str::to_owned), None),
        }
    }

    async fn answer(
        &self,
        call: &Subject<'_>,
        protocol: Protocol,
        input: Input,
        active: &mut ActiveFaults<'_>,
    ) -> Answer {
        match input {
            Input::Json(mut input) => {
                let failed = active.fail_entries(&mut input);
                let all_failed = !failed.is_empty() && input["Entries"] == json!([]);
                let mut result = match self.routes.json.get(&call.service) {
                    Some(_) if all_failed => Ok(json!({"Successful": []})),
                    Some(route) => route(call.operation.to_owned(), input).await,
                    None => Err(ServiceError::internal("this service is not served")),
                };
                if let Ok(value) = &mut result {
                    if !failed.is_empty() {
                        let others = value["Failed"].as_array().cloned().unwrap_or_default();
                        value["Failed"] = failed.into_iter().chain(others).collect();
                    }
                    active.change(value);
                }
                Answer::json(protocol, result)
            }
            Input::Form(form) => match (self.routes.sts)(form) {
                Ok(xml) => {
                    self.remember_session(call, &xml);
                    Answer::new(200, Some(protocol.content_type()), xml)
                }
                Err(error) => Answer::error(protocol, &error),
            },
            Input::S3(request) => from_s3((self.routes.s3)(*request).await).await,
        }
    }

    fn remember_session(&self, call: &Subject<'_>, xml: &str) {
        if let (Some(origin), Some(id)) = (
            call.access_key_id,
            xml_element(xml.as_bytes(), "AccessKeyId"),
        ) {
            let session = Session {
                origin: origin.to_owned(),
                role_arn: call.detail.to_owned(),
            };
            let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
            sessions.insert(id, session);
        }
    }
}

async fn from_s3(response: Response<s3s::Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let announced = parts
        .headers
        .get("content-length")
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok());
    let length = announced.or(hyper::body::Body::size_hint(&body).exact());
    let content = Content::Stream(body.map_err(Into::into).boxed_unsync(), length);
    let mut answer = Answer {
        status: parts.status,
        headers: parts.headers,
        content,
        error: None,
    };
    if parts.status.is_client_error() || parts.status.is_server_error() {
        let body = collect(&mut answer).await;
        // An error answer to HEAD has no body that could say its code.
        answer.error =
            xml_element(&body, "Code").or_else(|| Some(parts.status.as_u16().to_string()));
    }
    answer
}
