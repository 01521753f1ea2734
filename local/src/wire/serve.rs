//! One request from its arrival to its answer: read, counted, troubled, served, recorded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Instant, SystemTime};

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::{Request, Response};
use serde_json::{Value, json};

use super::Routes;
use super::answer::{Answer, Content, Protocol, xml_element};
use super::asked::{Asked, Unserved, Work, read};
use super::body::AnswerBody;
use super::caller;
use super::faulty::{Fate, Trouble, collect};
use super::path_style::path_style;
use crate::calls::{Call, CallLog, Service};
use crate::error::ServiceError;
use crate::faults::{Faults, Subject};

/// What serves requests, whatever connection they come by.
pub struct Front {
    pub routes: Routes,
    pub calls: CallLog,
    pub faults: Faults,
    /// By the access key ids that AssumeRole gave out.
    pub assumed: Mutex<BTreeMap<String, Assumed>>,
}

/// Whose a role's credentials are.
#[derive(Clone)]
pub struct Assumed {
    /// The access key id of who assumed it.
    origin: String,
    role_arn: String,
}

impl Front {
    /// Serves a request; none means that the connection is to be reset instead of answered.
    ///
    /// Runs to its end even when the caller is gone: a request that has arrived takes effect.
    pub async fn serve(
        self: Arc<Self>,
        request: Request<Incoming>,
    ) -> Option<Response<AnswerBody>> {
        let (start, clock) = (SystemTime::now(), Instant::now());
        let (parts, body) = path_style(request).into_parts();
        let access_key_id = caller::access_key_id(&parts.headers);
        let region = caller::region(&parts.headers);
        let versioned = caller::names_a_version(&parts.uri);
        let copied_from = caller::copied_from(&parts.headers);
        let (origin, role) = self.origin(access_key_id.as_deref());
        let attempt = caller::attempt(&parts.headers);
        let asked = match read(parts, body).await {
            Ok(asked) => asked,
            Err(Unserved::Refused(protocol, error)) => {
                return Some(Answer::refusal(&protocol, &error).into_response(&protocol));
            }
            Err(Unserved::Local(path)) => return Some(self.local(&path)),
        };
        let number = self.calls.arrival();
        let Asked {
            protocol,
            service,
            operation,
            detail,
            work,
            bytes,
        } = asked;
        let subject = Subject {
            service,
            operation: &operation,
            detail: &detail,
            access_key_id: origin.as_deref(),
        };
        let mut trouble = Trouble::on_call(&self.faults, &subject);
        let mut fate = if let Some(fate) = trouble.before(&protocol).await {
            fate
        } else {
            let answer = self
                .answer(
                    &subject,
                    &protocol,
                    work,
                    access_key_id.clone(),
                    &mut trouble,
                )
                .await;
            trouble.after(answer, &operation).await
        };
        if service == Service::Sqs
            && let Fate::Answer(answer) = &mut fate
        {
            answer.add_query_error();
        }
        let (status, error, response_bytes) = match &fate {
            Fate::Answer(answer) => (
                Some(answer.status.as_u16()),
                answer.error.clone(),
                answer.length(),
            ),
            Fate::Cut | Fate::Killed => (None, None, 0),
        };
        let faults = trouble.done;
        self.calls.record(Call {
            number,
            service,
            faults,
            operation: operation.clone(),
            detail: detail.clone(),
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
        match fate {
            Fate::Answer(answer) => Some(answer.into_response(&protocol)),
            Fate::Cut => None,
            Fate::Killed => {
                self.faults.kill(origin).await;
                None
            }
        }
    }

    /// The caller behind an access key id: the function where it has assumed a role, and the role.
    fn origin(&self, access_key_id: Option<&str>) -> (Option<String>, Option<String>) {
        let known = self.assumed.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(id) = access_key_id else {
            return (None, None);
        };
        match known.get(id) {
            Some(assumed) => (Some(assumed.origin.clone()), Some(assumed.role_arn.clone())),
            None => (Some(id.to_owned()), None),
        }
    }

    async fn answer(
        &self,
        call: &Subject<'_>,
        protocol: &Protocol,
        work: Work,
        access_key_id: Option<String>,
        trouble: &mut Trouble<'_>,
    ) -> Answer {
        let absent = || {
            ServiceError::new(
                "UnknownOperationException",
                format!("{} is not served here", call.service),
            )
        };
        match work {
            Work::Value(input) => {
                let mut result = match self.routes.json.get(&call.service) {
                    Some(route) => route(call.operation.to_owned(), input).await,
                    None => Err(absent()),
                };
                if let Ok(value) = &mut result {
                    trouble.change(value);
                }
                Answer::of(protocol, result)
            }
            Work::Form(form) => {
                let result = match &self.routes.query {
                    Some(route) => route(form, access_key_id).await,
                    None => Err(absent()),
                };
                if let (Ok(answer), Some(origin)) = (&result, call.access_key_id)
                    && let Some(id) = xml_element(answer.as_bytes(), "AccessKeyId")
                {
                    let mut assumed = self.assumed.lock().unwrap_or_else(PoisonError::into_inner);
                    let assumption = Assumed {
                        origin: origin.to_owned(),
                        role_arn: call.detail.to_owned(),
                    };
                    assumed.insert(id, assumption);
                }
                Answer::of(protocol, result.map(Value::String))
            }
            Work::S3(request) => match &self.routes.s3 {
                Some(route) => from_s3(route(*request).await).await,
                None => Answer::refusal(protocol, &absent()),
            },
        }
    }

    /// The local AWS about itself: `/_local/health` and `/_local/calls`.
    fn local(&self, path: &str) -> Response<AnswerBody> {
        let kind = "application/json";
        let protocol = Protocol::Json(kind);
        let answer = match path {
            "/health" => {
                let body = json!({"status": "ok", "note": "a local AWS: nothing here is real"});
                Answer::new(200, Some(kind), body.to_string())
            }
            "/calls" => {
                let calls = serde_json::to_vec(&self.calls.list()).unwrap_or_default();
                Answer::new(200, Some(kind), calls)
            }
            _ => Answer::new(
                404,
                Some(kind),
                json!({"message": "try /_local/health"}).to_string(),
            ),
        };
        answer.into_response(&protocol)
    }
}

async fn from_s3(response: Response<s3s::Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let said = parts
        .headers
        .get("content-length")
        .and_then(|value| value.to_str().ok());
    let length = said
        .and_then(|text| text.parse().ok())
        .or(hyper::body::Body::size_hint(&body).exact());
    let failed = parts.status.is_client_error() || parts.status.is_server_error();
    let content = Content::Stream(body.map_err(Into::into).boxed_unsync(), length);
    let mut answer = Answer {
        status: parts.status,
        headers: parts.headers,
        content,
        error: None,
    };
    if failed {
        let body = collect(&mut answer).await;
        // An answer to HEAD has no body to tell its code.
        answer.error =
            xml_element(&body, "Code").or_else(|| Some(parts.status.as_u16().to_string()));
    }
    answer
}
