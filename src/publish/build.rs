//! What a build is started with: nothing but what the event and the stored bundle say.

use crate::aws::codebuild::{BuildRequest, PUSH_EVENT_ID, Source};
use crate::aws::s3::Stored;
use crate::event::{Push, ReferenceKind};

/// A build of a bundle.
pub fn from_bundle(project: String, push: &Push, bucket: &str, stored: &Stored) -> BuildRequest {
    let source = Source::Bundle {
        location: format!("{bucket}/{}", stored.key),
        version: stored.version.clone(),
    };
    request(project, push, source, &stored.commit.to_string())
}

/// A build that clones the repository.
pub fn from_codecommit(project: String, push: &Push) -> BuildRequest {
    // <https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html#regions-git>
    let suffix = if push.region.starts_with("cn-") {
        ".cn"
    } else {
        ""
    };
    let source = Source::CodeCommit {
        location: format!(
            "https://git-codecommit.{}.amazonaws.com{suffix}/v1/repos/{}",
            push.region, push.repository
        ),
        version: format!("{}^{{{}}}", push.reference.full_name(), push.commit),
    };
    request(project, push, source, &push.commit.to_string())
}

fn request(project: String, push: &Push, source: Source, commit: &str) -> BuildRequest {
    let name = push.reference.short_name.clone();
    let (kind, kind_variable) = match push.reference.kind {
        ReferenceKind::Branch => ("branch", "BRANCH_NAME"),
        ReferenceKind::Tag => ("tag", "TAG_NAME"),
    };
    let mut variables = vec![
        ("COMMIT_ID", commit.to_owned()),
        ("REPOSITORY_NAME", push.repository.clone()),
        ("REFERENCE_NAME", push.reference.full_name()),
        ("REFERENCE_TYPE", kind.to_owned()),
        (kind_variable, name),
    ];
    if let Some(old_commit) = push.old_commit {
        variables.push(("PREVIOUS_COMMIT_ID", old_commit.to_string()));
    }
    variables.push((PUSH_EVENT_ID, push.event_id.clone()));
    BuildRequest {
        project,
        source,
        variables,
        token: push.event_id.clone(),
    }
}
