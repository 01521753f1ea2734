//! The events that CodeCommit sends to EventBridge, and EventBridge puts into the queue.
//!
//! Source: "Monitoring CodeCommit events in Amazon EventBridge" in CodeCommit's guide, and
//! captured events for `callerUserArn`, which the guide leaves out.

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// One "CodeCommit Repository State Change", as it leaves EventBridge.
#[derive(Clone, Debug, PartialEq)]
pub struct RepositoryEvent {
    /// EventBridge's id: one for each event, whatever it says.
    pub id: String,
    /// Twelve digits: the repository's account.
    pub account: String,
    /// The repository's Region.
    pub region: String,
    /// RFC 3339, in whole seconds.
    pub time: String,
    /// The `detail`, by CodeCommit.
    pub detail: Value,
}

impl RepositoryEvent {
    /// A branch or tag that was not there before. `reference` is its full name.
    pub fn created(repository: &str, reference: &str, commit: &str) -> Self {
        let mut event = Self::of("referenceCreated", repository);
        event.set_reference(reference);
        event.detail["commitId"] = json!(commit);
        event
    }

    /// A push to a branch or tag that was at `old`. `reference` is its full name.
    pub fn updated(repository: &str, reference: &str, commit: &str, old: &str) -> Self {
        let mut event = Self::of("referenceUpdated", repository);
        event.set_reference(reference);
        event.detail["commitId"] = json!(commit);
        event.detail["oldCommitId"] = json!(old);
        event
    }

    /// As sent from this account, Region and moment.
    #[must_use]
    pub fn from(mut self, account: &str, region: &str, at: std::time::SystemTime) -> Self {
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

    fn of(event: &str, repository: &str) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            account: "000000000000".to_owned(),
            region: "eu-west-1".to_owned(),
            time: whole_seconds(std::time::SystemTime::now()),
            detail: json!({
                "event": event,
                "repositoryName": repository,
                "repositoryId": "00000000-0000-0000-0000-000000000000",
            }),
        }
    }

    fn set_reference(&mut self, full_name: &str) {
        let (kind, name) = match full_name.strip_prefix("refs/tags/") {
            Some(tag) => ("tag", tag),
            None => (
                "branch",
                full_name.strip_prefix("refs/heads/").unwrap_or(full_name),
            ),
        };
        self.detail["referenceType"] = json!(kind);
        self.detail["referenceName"] = json!(name);
        self.detail["referenceFullName"] = json!(full_name);
    }
}

fn whole_seconds(at: std::time::SystemTime) -> String {
    let at = OffsetDateTime::from(at).truncate_to_second();
    at.format(&Rfc3339).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_as_codecommit_documents_it() {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_millis(1_560_335_023_700);
        let mut event = RepositoryEvent::created("MyDemoRepo", "refs/heads/feature/x", "3e5983")
            .from("123456789012", "us-east-2", at);
        event.id = "01234567-EXAMPLE".into();
        assert_eq!(
            event.json(),
            json!({
                "version": "0",
                "id": "01234567-EXAMPLE",
                "detail-type": "CodeCommit Repository State Change",
                "source": "aws.codecommit",
                "account": "123456789012",
                "time": "2019-06-12T10:23:43Z",
                "region": "us-east-2",
                "resources": ["arn:aws:codecommit:us-east-2:123456789012:MyDemoRepo"],
                "detail": {
                    "event": "referenceCreated",
                    "repositoryName": "MyDemoRepo",
                    "repositoryId": "00000000-0000-0000-0000-000000000000",
                    "referenceType": "branch",
                    "referenceName": "feature/x",
                    "referenceFullName": "refs/heads/feature/x",
                    "commitId": "3e5983",
                    "callerUserArn": "arn:aws:iam::123456789012:user/local",
                },
            })
        );
    }
}
