//! One request from its arrival to its answer: parsed, met by faults, served, recorded.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::{Value, json};

use super::Services;
use super::active_faults::{ActiveFaults, Outcome};
use super::answer::{Answer, Body};
use super::caller::Caller;
use super::request::{Input, ParsedRequest, parse};
use crate::calls::{Call, CallLog, Service};
use crate::error::ServiceError;
use crate::faults::{Faults, Subject};
use crate::s3;

/// What serves requests, whatever connection they come by.
pub struct Front {
    pub services: Services,
    pub s3: s3::Service,
    pub calls: CallLog,
    pub faults: Faults,
}

impl Front {
    /// Serves a request; `None` means that the connection is to be reset instead of answered.
    ///
    /// Runs to its end even when the caller is gone: a request that has arrived takes effect.
    pub async fn serve(self: Arc<Self>, request: Request<Incoming>) -> Option<Response<Body>> {
        let (start, clock) = (SystemTime::now(), Instant::now());
        let (parts, body) = request.into_parts();
        if parts.uri.path() == "/_local/calls" {
            let calls = serde_json::to_vec(&self.calls.list()).unwrap_or_default();
            let answer = Answer::new(200, Some("application/json"), calls);
            return Some(answer.into_response(Service::CodeCommit));
        }
        let caller = Caller::of(&parts);
        let request = match parse(parts, body).await {
            Ok(request) => request,
            Err((service, error)) => {
                return Some(Answer::error(service, &error).into_response(service));
            }
        };
        let ParsedRequest {
            service,
            operation,
            detail,
            input,
            bytes,
        } = request;
        // The function is the caller of what it calls under a role, too.
        let session = self.services.sts.session(caller.access_key_id.as_deref());
        let (origin, role) = match session {
            Some(session) => (session.caller, Some(session.role_arn)),
            None => (caller.access_key_id.clone(), None),
        };
        let subject = Subject {
            service,
            operation: &operation,
            detail: &detail,
            access_key_id: origin.as_deref(),
        };
        let mut active = ActiveFaults::on_call(&self.faults, &subject);
        let outcome = if let Some(outcome) = active.before(service).await {
            outcome
        } else {
            let answer = self.answer(&subject, input, &mut active).await;
            active.after(answer, &operation)
        };
        let (status, error, response_bytes) = match &outcome {
            Outcome::Answer(answer) => (
                Some(answer.status.as_u16()),
                answer.error.clone(),
                answer.bytes.len() as u64,
            ),
            Outcome::Reset | Outcome::Kill => (None, None, 0),
        };
        self.calls.record(Call {
            service,
            faults: active.done,
            operation,
            detail,
            access_key_id: caller.access_key_id,
            role,
            region: caller.region,
            versioned: caller.versioned,
            copied_from: caller.copied_from,
            attempt: caller.attempt,
            status,
            error,
            request_bytes: bytes,
            response_bytes,
            start,
            duration: clock.elapsed(),
        });
        match outcome {
            Outcome::Answer(answer) => Some(answer.into_response(service)),
            Outcome::Reset => None,
            Outcome::Kill => {
                self.faults.kill(origin.as_deref()).await;
                None
            }
        }
    }

    async fn answer(
        &self,
        call: &Subject<'_>,
        input: Input,
        active: &mut ActiveFaults<'_>,
    ) -> Answer {
        match input {
            Input::Json(mut input) => {
                let failed = active.fail_entries(&mut input);
                let mut result = if !failed.is_empty() && input["Entries"] == json!([]) {
                    Ok(json!({"Successful": []}))
                } else {
                    self.json(call, input).await
                };
                if let Ok(value) = &mut result {
                    if !failed.is_empty() {
                        let others = value["Failed"].as_array().cloned().unwrap_or_default();
                        value["Failed"] = failed.into_iter().chain(others).collect();
                    }
                    active.change(value);
                }
                Answer::of(call.service, result.map(|value| value.to_string()))
            }
            Input::Form(form) => {
                let xml = self.services.sts.call(&form, call.access_key_id);
                Answer::of(call.service, xml)
            }
            Input::S3(request) => Answer::from_s3(self.s3.call(*request).await).await,
        }
    }

    async fn json(&self, call: &Subject<'_>, input: Value) -> Result<Value, ServiceError> {
        let services = &self.services;
        match call.service {
            Service::CodeCommit => services.codecommit.call(call.operation, input).await,
            Service::CodeBuild => services.codebuild.call(call.operation, input),
            Service::Sqs => services.sqs.call(call.operation, input),
            Service::S3 | Service::Sts => Err(ServiceError::not_served("a request in JSON")),
        }
    }
}
