//! A call as its request tells it: who calls, which attempt it is, and what it is about.

use std::time::{Duration, SystemTime};

use hyper::http::request::Parts;
use serde_json::Value;

use crate::calls::{Call, Service};

impl Call {
    /// A call of which only the head has arrived.
    pub(crate) fn arrived(parts: &Parts) -> Self {
        let header = |name: &str| parts.headers.get(name).and_then(|it| it.to_str().ok());
        // A signature of version 4 has `Credential=ID/date/region/service/aws4_request`.
        let authorization = header("authorization").unwrap_or_default();
        let (_, credential) = authorization.split_once("Credential=").unwrap_or_default();
        let credential = |part| {
            let part = credential.split('/').nth(part)?;
            (!part.is_empty()).then(|| part.to_owned())
        };
        let attempt = header("amz-sdk-request").and_then(|header| {
            let mut parts = header.split(';');
            parts.find_map(|part| part.trim().strip_prefix("attempt=")?.parse().ok())
        });
        Self {
            service: Service::S3,
            operation: String::new(),
            detail: String::new(),
            access_key_id: credential(0),
            role: None,
            region: credential(2),
            copied_from: header("x-amz-copy-source").map(str::to_owned),
            attempt: attempt.unwrap_or(1),
            status: None,
            error: None,
            faults: Vec::new(),
            request_bytes: 0,
            response_bytes: 0,
            start: SystemTime::now(),
            duration: Duration::ZERO,
        }
    }
}

/// What a call is about, in one line, by its members.
pub fn detail(service: Service, input: &Value) -> String {
    let text = |name: &str| input.get(name).and_then(Value::as_str);
    match service {
        Service::CodeCommit => {
            let repository = text("repositoryName").unwrap_or_default();
            let about = [
                "filePath",
                "folderPath",
                "blobId",
                "commitId",
                "afterCommitSpecifier",
            ];
            match about.into_iter().find_map(text) {
                Some(about) => format!("{repository}:{about}"),
                None => repository.to_owned(),
            }
        }
        Service::CodeBuild => {
            let ids = input.get("ids").and_then(Value::as_array);
            let ids = ids.into_iter().flatten().filter_map(Value::as_str);
            match text("projectName") {
                Some(project) => project.to_owned(),
                None => ids.collect::<Vec<_>>().join(","),
            }
        }
        Service::Sqs => {
            let queue = text("QueueUrl").or_else(|| text("QueueName"));
            let name = queue.and_then(|queue| queue.rsplit('/').next());
            name.unwrap_or_default().to_owned()
        }
        Service::Sts => text("RoleArn").unwrap_or_default().to_owned(),
        // Its requests have no members.
        Service::S3 => String::new(),
    }
}
