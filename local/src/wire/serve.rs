//! One request from its arrival to its answer: read, counted, troubled, served, recorded.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Request, Response};
use serde_json::{Value, json};

use super::Routes;
use super::answer::{Answer, Content, Protocol, xml_code};
use super::body::AnswerBody;
use super::caller;
use super::faulty::{Fate, Trouble, collect};
use super::path_style::path_style;
use super::target::{Target, percent_decode};
use crate::calls::{Call, CallLog, Service};
use crate::cbor;
use crate::error::ServiceError;
use crate::faults::{Faults, Subject};

/// The largest body of a JSON, CBOR or form request. PutFile's 6 MB are 8.4 MB in base64.
const LARGEST_BODY: usize = 32 * 1024 * 1024;

/// What serves requests, whatever connection they come by.
pub struct Front {
    pub routes: Routes,
    pub calls: CallLog,
    pub faults: Faults,
}

/// A request, read as far as needed to know what it is about.
struct Asked {
    protocol: Protocol,
    service: Service,
    operation: String,
    detail: String,
    work: Work,
    bytes: u64,
}

/// What the service is given.
enum Work {
    Value(Value),
    Form(String),
    S3(Box<Request<s3s::Body>>),
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
            access_key_id: access_key_id.as_deref(),
        };
        let mut trouble = Trouble::on_call(&self.faults, &subject);
        let mut fate = if let Some(fate) = trouble.before(&protocol).await {
            fate
        } else {
            let answer = self
                .answer(service, &operation, &protocol, work, &mut trouble)
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
            Fate::Cut => (None, None, 0),
        };
        self.calls.record(Call {
            number,
            service,
            faults: trouble.done,
            operation,
            detail,
            access_key_id,
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
        }
    }

    async fn answer(
        &self,
        service: Service,
        operation: &str,
        protocol: &Protocol,
        work: Work,
        trouble: &mut Trouble<'_>,
    ) -> Answer {
        let absent = || {
            ServiceError::new(
                "UnknownOperationException",
                format!("{service} is not served here"),
            )
        };
        match work {
            Work::Value(input) => {
                let mut result = match self.routes.json.get(&service) {
                    Some(route) => route(operation.to_owned(), input).await,
                    None => Err(absent()),
                };
                if let Ok(value) = &mut result {
                    trouble.change(value);
                }
                Answer::of(protocol, result)
            }
            Work::Form(form) => {
                let result = match &self.routes.query {
                    Some(route) => route(form).await,
                    None => Err(absent()),
                };
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

/// Why a request goes to no service.
enum Unserved {
    Refused(Protocol, ServiceError),
    Local(String),
}

async fn read(parts: Parts, body: Incoming) -> Result<Asked, Unserved> {
    let json = json_version(&parts.headers);
    match Target::of(&parts) {
        Target::Local(path) => Err(Unserved::Local(path)),
        Target::Unknown(target) => {
            let message = format!("this local AWS has no {target}");
            Err(Unserved::Refused(
                json,
                ServiceError::new("UnknownOperationException", message),
            ))
        }
        Target::Json(service, operation) => {
            let bytes = whole(body, &json).await?;
            let text = if bytes.is_empty() { b"{}" } else { &bytes[..] };
            let input = serde_json::from_slice(text).map_err(|error| malformed(&json, &error))?;
            Ok(asked(json, service, operation, input, bytes.len()))
        }
        Target::Cbor(service, operation) => {
            let bytes = whole(body, &Protocol::Cbor).await?;
            let input = if bytes.is_empty() {
                json!({})
            } else {
                cbor::decode(&bytes).map_err(|error| malformed(&Protocol::Cbor, &error))?
            };
            Ok(asked(
                Protocol::Cbor,
                service,
                operation,
                input,
                bytes.len(),
            ))
        }
        Target::Query => {
            let bytes = whole(body, &Protocol::Query).await?;
            let form = String::from_utf8_lossy(&bytes).into_owned();
            let field = |name: &str| {
                let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
                pairs
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| percent_decode(&value.replace('+', " ")))
            };
            Ok(Asked {
                protocol: Protocol::Query,
                service: Service::Sts,
                operation: field("Action").unwrap_or_default(),
                detail: field("RoleArn").unwrap_or_default(),
                bytes: bytes.len() as u64,
                work: Work::Form(form),
            })
        }
        Target::S3 { operation, detail } => {
            let length = parts
                .headers
                .get("content-length")
                .and_then(|value| value.to_str().ok());
            Ok(Asked {
                protocol: Protocol::S3,
                service: Service::S3,
                operation: operation.to_owned(),
                detail,
                bytes: length
                    .and_then(|text| text.parse().ok())
                    .unwrap_or_default(),
                work: Work::S3(Box::new(Request::from_parts(parts, s3s::Body::from(body)))),
            })
        }
    }
}

fn asked(
    protocol: Protocol,
    service: Service,
    operation: String,
    input: Value,
    bytes: usize,
) -> Asked {
    let detail = caller::detail(service, &input);
    Asked {
        protocol,
        service,
        operation,
        detail,
        work: Work::Value(input),
        bytes: bytes as u64,
    }
}

fn json_version(headers: &HeaderMap) -> Protocol {
    let kind = headers
        .get("content-type")
        .map(hyper::header::HeaderValue::as_bytes);
    Protocol::Json(match kind {
        Some(kind) if kind.ends_with(b"json-1.0") => "application/x-amz-json-1.0",
        _ => "application/x-amz-json-1.1",
    })
}

async fn whole(body: Incoming, protocol: &Protocol) -> Result<Bytes, Unserved> {
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => {
            let message = format!("the request's body cannot be read: {error}");
            let error = ServiceError {
                status: 413,
                code: "RequestEntityTooLarge".to_owned(),
                message,
            };
            Err(Unserved::Refused(protocol.clone(), error))
        }
    }
}

fn malformed(protocol: &Protocol, error: &dyn std::fmt::Display) -> Unserved {
    let message = format!("the request's body does not parse: {error}");
    Unserved::Refused(
        protocol.clone(),
        ServiceError::new("SerializationException", message),
    )
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
        answer.error = xml_code(&body).or_else(|| Some(parts.status.as_u16().to_string()));
    }
    answer
}
