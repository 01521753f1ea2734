//! ListBuildsForProject and BatchGetBuilds.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Build, CodeBuild, arn, invalid, not_found, required};
use crate::clock::epoch_ms;
use crate::error::ServiceError;

/// "If there are more than 100 items in the list, only the first 100 items are returned".
const PAGE: usize = 100;

impl CodeBuild {
    /// "The results are sorted by build number, not the build identifier. If this is not
    /// specified, the results are sorted in descending order" (ListBuildsForProject). No other
    /// order is served.
    pub(super) fn list_builds_for_project(&self, input: &Value) -> Result<Value, ServiceError> {
        let name = required(input, "projectName")?;
        if !matches!(input["sortOrder"].as_str(), None | Some("DESCENDING")) {
            return Err(invalid(
                "the local CodeBuild sorts in descending order only",
            ));
        }
        let before = match input["nextToken"].as_str() {
            None => usize::MAX,
            // As seen by users: https://github.com/aws/aws-cli/issues/5863
            Some(_) if !input["sortOrder"].is_null() => {
                return Err(invalid(
                    "Sort order can't be specified when passing a nextToken",
                ));
            }
            Some(token) => token
                .parse()
                .map_err(|_| invalid("Invalid pagination token"))?,
        };
        let state = self.0.state.lock();
        if !state.has_project(name) {
            let arn = arn("project", name);
            return Err(not_found(format!(
                "The specified project {arn} does not exist"
            )));
        }
        let builds = state.builds.iter().rev();
        let mut builds = builds.filter(|build| build.project == name && build.number < before);
        let page: Vec<&Build> = builds.by_ref().take(PAGE).collect();
        let ids: Vec<&str> = page.iter().map(|build| build.id.as_str()).collect();
        let mut answer = json!({"ids": ids});
        if let (Some(_), Some(last)) = (builds.next(), page.last()) {
            answer["nextToken"] = json!(last.number.to_string());
        }
        Ok(answer)
    }

    pub(super) fn batch_get_builds(&self, input: &Value) -> Result<Value, ServiceError> {
        let ids = input["ids"]
            .as_array()
            .filter(|ids| (1..=PAGE).contains(&ids.len()))
            .ok_or_else(|| invalid("'ids' must have 1 to 100 items"))?;
        let state = self.0.state.lock();
        let (mut builds, mut missing) = (Vec::new(), Vec::new());
        for id in ids {
            match state.builds.iter().find(|build| *id == *build.id) {
                Some(build) => builds.push(described(build)),
                None => missing.push(id),
            }
        }
        Ok(json!({"builds": builds, "buildsNotFound": missing}))
    }
}

/// The API's `Build` structure.
pub(super) fn described(build: &Build) -> Value {
    let variables = build.environment.iter().map(
        |variable| json!({"name": variable.name, "value": variable.value, "type": variable.kind}),
    );
    let mut described = json!({
        "id": build.id,
        "arn": arn("build", &build.id),
        "buildNumber": build.number,
        // Seconds with milliseconds as a fraction, as AWS's JSON writes a timestamp.
        "startTime": Duration::from_millis(epoch_ms(build.started)).as_secs_f64(),
        "currentPhase": "BUILD",
        "buildStatus": "IN_PROGRESS",
        "buildComplete": false,
        "projectName": build.project,
        "source": {"type": build.source_type, "location": build.source_location},
        // The first three are required in the model: SDKs refuse an answer without them.
        "environment": {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": variables.collect::<Vec<_>>(),
        },
        "initiator": "pushbuild-local",
    });
    if let Some(version) = &build.source_version {
        described["sourceVersion"] = json!(version);
    }
    described
}
