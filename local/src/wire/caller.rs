//! Who calls, which attempt it is, and what about: the parts of a call that only its log needs.

use hyper::{HeaderMap, Uri};
use serde_json::Value;

use crate::calls::Service;

/// The access key id of a signature (version 4: `Credential=ID/date/region/service/aws4_request`).
pub fn access_key_id(headers: &HeaderMap) -> Option<String> {
    credential(headers, 0)
}

pub fn region(headers: &HeaderMap) -> Option<String> {
    credential(headers, 2)
}

fn credential(headers: &HeaderMap, part: usize) -> Option<String> {
    let authorization = headers.get("authorization")?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    let part = credential.split(',').next()?.split('/').nth(part)?;
    (!part.is_empty()).then(|| part.to_owned())
}

/// Whether an S3 request is about one version of an object, for which IAM has actions of its own.
pub fn names_a_version(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    form_urlencoded::parse(query.as_bytes()).any(|(key, _)| key == "versionId")
}

/// The source of an S3 copy, as the request names it.
pub fn copied_from(headers: &HeaderMap) -> Option<String> {
    let source = headers.get("x-amz-copy-source")?.to_str().ok()?;
    Some(source.to_owned())
}

/// The attempt that the SDK is at, from `amz-sdk-request: attempt=2; max=3`; 1 where not said.
pub fn attempt(headers: &HeaderMap) -> u32 {
    let header = headers
        .get("amz-sdk-request")
        .and_then(|value| value.to_str().ok());
    header
        .into_iter()
        .flat_map(|value| value.split(';'))
        .find_map(|part| part.trim().strip_prefix("attempt="))
        .and_then(|number| number.parse().ok())
        .unwrap_or(1)
}

/// What a JSON call is about, in one line.
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
        // Their requests are not JSON.
        Service::Sts | Service::S3 => String::new(),
    }
}
