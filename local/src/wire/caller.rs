//! Who calls, which attempt it is, and what about: the parts of a call that only its log needs.

use hyper::{HeaderMap, Uri};
use serde_json::Value;

use crate::calls::Service;

/// The access key id of a signature (version 4: `Credential=ID/date/region/service/aws4_request`).
pub fn access_key_id(headers: &HeaderMap) -> Option<String> {
    credential(headers, 0)
}

/// The Region of a signature's scope.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_caller_and_the_attempt_are_read_from_the_headers() {
        let mut headers = HeaderMap::new();
        assert_eq!((access_key_id(&headers), attempt(&headers)), (None, 1));
        let signature = "AWS4-HMAC-SHA256 Credential=LOCAL7/20260101/eu-west-1/s3/aws4_request, SignedHeaders=host";
        headers.insert("authorization", signature.parse().unwrap());
        headers.insert(
            "amz-sdk-request",
            "ttl=2026; attempt=3; max=5".parse().unwrap(),
        );
        assert_eq!(
            (access_key_id(&headers), attempt(&headers)),
            (Some("LOCAL7".into()), 3)
        );
        assert_eq!(region(&headers).as_deref(), Some("eu-west-1"));
    }

    #[test]
    fn a_version_is_seen_in_the_query() {
        assert!(names_a_version(
            &"/b/k?x-id=GetObject&versionId=v".parse().unwrap()
        ));
        assert!(!names_a_version(&"/b/k?prefix=versionId".parse().unwrap()));
    }

    #[test]
    fn the_detail_names_what_the_call_is_about() {
        let folder = json!({"repositoryName": "demo", "folderPath": "", "commitSpecifier": "c"});
        assert_eq!(detail(Service::CodeCommit, &folder), "demo:");
        let builds = json!({"ids": ["p:1", "p:2"]});
        assert_eq!(detail(Service::CodeBuild, &builds), "p:1,p:2");
        let queue = json!({"QueueUrl": "http://127.0.0.1:1/000000000000/q.fifo"});
        assert_eq!(detail(Service::Sqs, &queue), "q.fifo");
    }
}
