//! The events that CodeCommit sends to EventBridge, and EventBridge puts into the queue.
//!
//! Source: "Monitoring CodeCommit events in Amazon EventBridge" in CodeCommit's guide, and
//! captured events for `callerUserArn`, which the guide leaves out.

use std::time::SystemTime;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::aws::{ACCOUNT, REGION};
use crate::clock::rfc3339;

/// One "CodeCommit Repository State Change", as it leaves EventBridge.
#[derive(Clone, Debug)]
pub struct RepositoryEvent {
    /// EventBridge's id: one for each event, whatever it says.
    pub id: String,
    event: Value,
}

impl RepositoryEvent {
    /// A push to a branch or tag that was not there before.
    pub fn created(repository: &str, reference: &str, commit: &str) -> Self {
        Self::pushed(repository, reference, commit, None)
    }

    /// A push to `reference`: a full name, or a branch's. Without `old` it was not there before.
    pub fn pushed(repository: &str, reference: &str, commit: &str, old: Option<&str>) -> Self {
        let (kind, name, full) = if let Some(tag) = reference.strip_prefix("refs/tags/") {
            ("tag", tag, reference.to_owned())
        } else {
            let branch = reference.strip_prefix("refs/heads/").unwrap_or(reference);
            ("branch", branch, format!("refs/heads/{branch}"))
        };
        let id = Uuid::new_v4().to_string();
        let mut event = json!({
            "version": "0",
            "id": id,
            "detail-type": "CodeCommit Repository State Change",
            "source": "aws.codecommit",
            "detail": {
                "event": old.map_or("referenceCreated", |_| "referenceUpdated"),
                "repositoryName": repository,
                "repositoryId": "00000000-0000-0000-0000-000000000000",
                "referenceType": kind,
                "referenceName": name,
                "referenceFullName": full,
                "commitId": commit,
            },
        });
        if let Some(old) = old {
            event["detail"]["oldCommitId"] = json!(old);
        }
        Self { id, event }.from(ACCOUNT, REGION, SystemTime::now())
    }

    /// As sent from this account, Region and moment.
    #[must_use]
    pub fn from(mut self, account: &str, region: &str, at: SystemTime) -> Self {
        let event = &mut self.event;
        let repository = event["detail"]["repositoryName"].as_str();
        let repository = repository.unwrap_or_default();
        let arn = format!("arn:aws:codecommit:{region}:{account}:{repository}");
        event["resources"] = json!([arn]);
        event["account"] = json!(account);
        event["region"] = json!(region);
        event["time"] = json!(rfc3339(at));
        let caller = format!("arn:aws:iam::{account}:user/local");
        event["detail"]["callerUserArn"] = json!(caller);
        self
    }

    /// The whole event, as in the body of an SQS message.
    pub fn json(&self) -> &Value {
        &self.event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_as_codecommit_documents_it() {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_560_335_023_700);
        let event =
            RepositoryEvent::pushed("MyDemoRepo", "refs/tags/v/1", "3e5983", Some("b2a1c0"));
        let event = event.from("123456789012", "us-east-2", at);
        let event = event.json();
        let arn = "arn:aws:codecommit:us-east-2:123456789012:MyDemoRepo";
        for (member, value) in [
            ("/source", "aws.codecommit"),
            ("/detail-type", "CodeCommit Repository State Change"),
            ("/time", "2019-06-12T10:23:43Z"),
            ("/resources/0", arn),
            ("/detail/event", "referenceUpdated"),
            ("/detail/referenceType", "tag"),
            ("/detail/referenceName", "v/1"),
            ("/detail/oldCommitId", "b2a1c0"),
        ] {
            assert_eq!(event.pointer(member), Some(&json!(value)), "{event}");
        }
    }
}
