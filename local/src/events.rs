//! The events that CodeCommit sends to EventBridge, and EventBridge puts into the queue.
//!
//! Source: "Monitoring CodeCommit events in Amazon EventBridge" in CodeCommit's guide, and
//! captured events for `callerUserArn`, which the guide leaves out.

use std::time::SystemTime;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::aws::{ACCOUNT, REGION};

/// One "CodeCommit Repository State Change", as it leaves EventBridge.
#[derive(Clone, Debug, PartialEq)]
pub struct RepositoryEvent {
    /// EventBridge's id: one for each event, whatever it says.
    pub id: String,
    pub account: String,
    pub region: String,
    /// RFC 3339, in whole seconds.
    pub time: String,
    pub detail: Value,
}

impl RepositoryEvent {
    /// A branch or tag that was not there before. `reference` is its full name.
    pub fn created(repository: &str, reference: &str, commit: &str) -> Self {
        Self::pushed(repository, reference, commit, None)
    }

    /// A push to a branch or tag that was at `old`. `reference` is its full name.
    pub fn updated(repository: &str, reference: &str, commit: &str, old: &str) -> Self {
        Self::pushed(repository, reference, commit, Some(old))
    }

    /// A push to a branch or tag, by its full name; without `old` it was not there before.
    pub fn pushed(repository: &str, reference: &str, commit: &str, old: Option<&str>) -> Self {
        let (kind, name) = match reference.strip_prefix("refs/tags/") {
            Some(tag) => ("tag", tag),
            None => (
                "branch",
                reference.strip_prefix("refs/heads/").unwrap_or(reference),
            ),
        };
        let event = old.map_or("referenceCreated", |_| "referenceUpdated");
        let mut detail = json!({
            "event": event,
            "repositoryName": repository,
            "repositoryId": "00000000-0000-0000-0000-000000000000",
            "referenceType": kind,
            "referenceName": name,
            "referenceFullName": reference,
            "commitId": commit,
        });
        if let Some(old) = old {
            detail["oldCommitId"] = json!(old);
        }
        Self {
            id: Uuid::new_v4().to_string(),
            account: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            time: whole_seconds(SystemTime::now()),
            detail,
        }
    }

    /// As sent from this account, Region and moment.
    #[must_use]
    pub fn from(mut self, account: &str, region: &str, at: SystemTime) -> Self {
        account.clone_into(&mut self.account);
        region.clone_into(&mut self.region);
        self.time = whole_seconds(at);
        self
    }

    /// The whole event, as in the body of an SQS message.
    pub fn json(&self) -> Value {
        let repository = self.detail["repositoryName"].as_str().unwrap_or_default();
        let Self {
            id,
            account,
            region,
            time,
            detail,
        } = self;
        let mut detail = detail.clone();
        detail["callerUserArn"] = json!(format!("arn:aws:iam::{account}:user/local"));
        json!({
            "version": "0",
            "id": id,
            "detail-type": "CodeCommit Repository State Change",
            "source": "aws.codecommit",
            "account": account,
            "time": time,
            "region": region,
            "resources": [format!("arn:aws:codecommit:{region}:{account}:{repository}")],
            "detail": detail,
        })
    }
}

fn whole_seconds(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at).truncate_to_second();
    at.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_as_codecommit_documents_it() {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_560_335_023_700);
        let event = RepositoryEvent::updated("MyDemoRepo", "refs/tags/v/1", "3e5983", "b2a1c0");
        let event = event.from("123456789012", "us-east-2", at).json();
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
