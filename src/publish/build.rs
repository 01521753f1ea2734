//! What a build is started with: nothing but what the event and the stored bundle say.

use gix_hash::ObjectId;

use crate::aws::codebuild::{BuildRequest, PUSH_EVENT_ID, Source};
use crate::aws::s3::Stored;
use crate::event::{Push, ReferenceKind};

pub fn from_bundle(push: &Push, bucket: &str, stored: &Stored) -> BuildRequest {
    BuildRequest {
        source: Source::Bundle,
        location: format!("{bucket}/{}", stored.key),
        version: stored.version.clone(),
        variables: variables(push, &stored.commit),
        token: push.event_id.clone(),
    }
}

/// A build that clones the repository at this commit. Where the event names an annotated tag, this
/// is the commit that the tag points to.
pub fn from_codecommit(push: &Push, commit: &ObjectId) -> BuildRequest {
    // <https://docs.aws.amazon.com/codecommit/latest/userguide/regions.html#regions-git>
    let is_chinese = push.region.starts_with("cn-");
    let suffix = if is_chinese { ".cn" } else { "" };
    BuildRequest {
        source: Source::CodeCommit,
        location: format!(
            "https://git-codecommit.{}.amazonaws.com{suffix}/v1/repos/{}",
            push.region, push.repository
        ),
        version: Some(format!("{}^{{{commit}}}", push.reference.full_name())),
        variables: variables(push, commit),
        token: push.event_id.clone(),
    }
}

fn variables(push: &Push, commit: &ObjectId) -> Vec<(&'static str, String)> {
    let (kind, kind_variable) = match push.reference.kind {
        ReferenceKind::Branch => ("branch", "BRANCH_NAME"),
        ReferenceKind::Tag => ("tag", "TAG_NAME"),
    };
    let mut variables = vec![
        ("COMMIT_ID", commit.to_string()),
        ("REPOSITORY_NAME", push.repository.clone()),
        ("REPOSITORY_ACCOUNT", push.account.clone()),
        ("REPOSITORY_REGION", push.region.clone()),
        ("REFERENCE_NAME", push.reference.full_name()),
        ("REFERENCE_TYPE", kind.to_owned()),
        (kind_variable, push.reference.short_name.clone()),
    ];
    if let Some(old_commit) = push.old_commit {
        variables.push(("PREVIOUS_COMMIT_ID", old_commit.to_string()));
    }
    variables.push((PUSH_EVENT_ID, push.event_id.clone()));
    variables
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::documents::{code, table};

    #[test]
    fn the_documentation_names_every_variable_and_no_other_with_its_values() {
        let deploy = include_str!("../../docs/deploy.md");
        let rows = table(deploy, "| variable | value |").into_iter();
        let told: BTreeMap<_, _> = rows
            .map(|cells| (code(cells[0]).next().unwrap(), cells[1]))
            .collect();
        let mut given = BTreeSet::new();
        for (kind, short_name) in [
            (ReferenceKind::Branch, "feature/x"),
            (ReferenceKind::Tag, "v1"),
        ] {
            let push = Push {
                old_commit: Some(gix_hash::ObjectId::null(gix_hash::Kind::Sha1)),
                ..Push::sample(kind, short_name)
            };
            for (name, value) in variables(&push, &push.commit) {
                given.insert(name);
                match name {
                    "REPOSITORY_ACCOUNT" => assert_eq!(value, push.account),
                    "REPOSITORY_REGION" => assert_eq!(value, push.region),
                    _ => {}
                }
                if name.starts_with("REFERENCE_") || name == "BRANCH_NAME" || name == "TAG_NAME" {
                    assert!(told[name].contains(&format!("`{value}`")), "{name}={value}");
                }
            }
        }
        assert_eq!(told.into_keys().collect::<BTreeSet<_>>(), given);
        let readme = include_str!("../../README.md");
        for name in given {
            assert!(readme.contains(&format!("`{name}`")), "{name}");
        }
    }
}
