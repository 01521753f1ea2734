//! One request from its arrival to its answer: parsed, met by faults, served, recorded.

use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::{Value, json};

use super::Services;
use super::active_faults::{ActiveFaults, Outcome};
use super::answer::{Answer, Body};
use super::request::{Input, parse};
use crate::calls::{Call, CallLog, Service};
use crate::error::ServiceError;
use crate::faults::Faults;
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
        let begun = Instant::now();
        let (parts, body) = request.into_parts();
        if parts.uri.path() == "/_local/calls" {
            let calls = serde_json::to_vec(&self.calls.list()).unwrap_or_default();
            let answer = Answer::new(200, Some("application/json"), calls);
            return Some(answer.into_response(Service::CodeCommit));
        }
        let mut call = Call::arrived(&parts);
        let input = match parse(&mut call, parts, body).await {
            Ok(input) => input,
            Err(error) => {
                return Some(Answer::error(call.service, &error).into_response(call.service));
            }
        };
        let access_key_id = call.access_key_id.as_deref();
        if let Some(session) = self.services.sts.session(access_key_id) {
            call.access_key_id = session.caller;
            call.role = Some(session.role_arn);
        }
        let mut active = ActiveFaults::on_call(&self.faults, &call);
        let outcome = if let Some(outcome) = active.before(call.service).await {
            outcome
        } else {
            let answer = self.answer(&call, input, &mut active).await;
            active.after(answer, &call.operation)
        };
        call.faults = active
            .done
            .iter()
            .map(|action| format!("{action:?}"))
            .collect();
        call.duration = begun.elapsed();
        if let Outcome::Answer(answer) = &outcome {
            call.status = Some(answer.status.as_u16());
            call.error.clone_from(&answer.error);
            call.response_bytes = answer.bytes.len() as u64;
        }
        self.calls.record(call.clone());
        match outcome {
            Outcome::Answer(answer) => Some(answer.into_response(call.service)),
            Outcome::Reset => None,
            Outcome::Kill => {
                self.faults.kill(call.access_key_id.as_deref()).await;
                None
            }
        }
    }

    async fn answer(&self, call: &Call, input: Input, active: &mut ActiveFaults<'_>) -> Answer {
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
                let xml = self.services.sts.call(&form, call.access_key_id.as_deref());
                Answer::of(call.service, xml)
            }
            Input::S3(request) => Answer::from_s3(self.s3.call(*request).await).await,
        }
    }

    async fn json(&self, call: &Call, input: Value) -> Result<Value, ServiceError> {
        let services = &self.services;
        match call.service {
            Service::CodeCommit => services.codecommit.call(&call.operation, input).await,
            Service::CodeBuild => services.codebuild.call(&call.operation, input),
            Service::Sqs => services.sqs.call(&call.operation, input),
            Service::S3 | Service::Sts => Err(ServiceError::not_served("a request in JSON")),
        }
    }
}
