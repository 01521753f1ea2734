//! One request from its arrival to its answer: parsed, met by faults, served, recorded.

use std::sync::Arc;
use std::time::Instant;

use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::Value;

use super::active_faults::{ActiveFaults, Outcome};
use super::answer::{Answer, Body};
use super::request::{Input, parse};
use crate::calls::{Call, CallLog, Service};
use crate::codebuild::CodeBuild;
use crate::codecommit::CodeCommit;
use crate::error::ServiceError;
use crate::faults::Faults;
use crate::s3::S3;
use crate::sqs::Sqs;
use crate::sts::Sts;

/// What serves requests, whatever connection they come by. Clones share it.
#[derive(Clone)]
pub struct Front {
    pub codecommit: CodeCommit,
    pub codebuild: CodeBuild,
    pub s3: S3,
    pub sqs: Sqs,
    pub sts: Sts,
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
        if let Some(session) = self.sts.session(access_key_id) {
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
        call.faults = active.done;
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
        let mut input = match input {
            Input::Members(input) => input,
            Input::S3(request) => {
                return Answer::from_s3(self.s3.call(*request).await).await;
            }
        };
        active.fail_entries(&mut input);
        let mut result = self.members(call, input).await;
        if let Ok(members) = &mut result {
            active.change(members);
        }
        Answer::of(call, result)
    }

    async fn members(&self, call: &Call, input: Value) -> Result<Value, ServiceError> {
        let operation = &*call.operation;
        match call.service {
            Service::CodeCommit => self.codecommit.call(operation, input).await,
            Service::CodeBuild => self.codebuild.call(operation, input),
            Service::Sqs => self.sqs.call(operation, input),
            Service::Sts => self
                .sts
                .call(operation, input, call.access_key_id.as_deref()),
            Service::S3 => Err(ServiceError::unknown_operation(operation)),
        }
    }
}
