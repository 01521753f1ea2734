//! ListBuildsForProject and BatchGetBuilds.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Build, CodeBuild, arn, invalid, not_found, read};
use crate::clock::epoch_ms;
use crate::error::ServiceError;

/// "If there are more than 100 items in the list, only the first 100 items are returned".
const PAGE: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListBuildsForProject {
    project_name: String,
    sort_order: Option<String>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchGetBuilds {
    ids: Vec<String>,
}

impl CodeBuild {
    /// "The results are sorted by build number, not the build identifier. If this is not
    /// specified, the results are sorted in descending order" (ListBuildsForProject). No other
    /// order is served.
    pub(super) fn list_builds_for_project(&self, input: &Value) -> Result<Value, ServiceError> {
        let input: ListBuildsForProject = read(input)?;
        let order = input.sort_order.as_deref();
        if !matches!(order, None | Some("DESCENDING")) {
            return Err(ServiceError::not_served("any order but the descending one"));
        }
        let before = match input.next_token {
            None => usize::MAX,
            // As seen by users: https://github.com/aws/aws-cli/issues/5863
            Some(_) if order.is_some() => {
                let message = "Sort order can't be specified when passing a nextToken";
                return Err(invalid(message));
            }
            Some(token) => token
                .parse()
                .map_err(|_| invalid("Invalid pagination token"))?,
        };
        let state = self.state.lock();
        let project = &input.project_name;
        if !state.has_project(project) {
            let arn = arn("project", project);
            let message = format!("The specified project {arn} does not exist");
            return Err(not_found(message));
        }
        let builds = state.builds.iter().enumerate().rev();
        let mut builds = builds.filter(|(at, build)| build.project == *project && *at < before);
        let page: Vec<_> = builds.by_ref().take(PAGE).collect();
        let ids: Vec<_> = page.iter().map(|(_, build)| &build.id).collect();
        let mut answer = json!({"ids": ids});
        if let (Some(_), Some((last, _))) = (builds.next(), page.last()) {
            answer["nextToken"] = json!(last.to_string());
        }
        Ok(answer)
    }

    pub(super) fn batch_get_builds(&self, input: &Value) -> Result<Value, ServiceError> {
        let BatchGetBuilds { ids } = read(input)?;
        if !(1..=PAGE).contains(&ids.len()) {
            return Err(invalid("'ids' must have 1 to 100 items"));
        }
        let state = self.state.lock();
        let (mut builds, mut missing) = (Vec::new(), Vec::new());
        for id in ids {
            match state.builds.iter().find(|build| build.id == id) {
                Some(build) => builds.push(described(build)),
                None => missing.push(id),
            }
        }
        Ok(json!({"builds": builds, "buildsNotFound": missing}))
    }
}

/// The API's `Build` structure, as far as it is known here.
pub(super) fn described(build: &Build) -> Value {
    json!({
        "id": build.id,
        "arn": arn("build", &build.id),
        // Seconds with milliseconds as a fraction, as AWS's JSON writes a timestamp.
        "startTime": Duration::from_millis(epoch_ms(build.started)).as_secs_f64(),
        "buildStatus": "IN_PROGRESS",
        "projectName": build.project,
        "source": {"type": build.source_type, "location": build.source_location},
        "sourceVersion": build.source_version,
        // The first three are required in the model: SDKs refuse an answer without them.
        "environment": {
            "type": "LINUX_CONTAINER",
            "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
            "computeType": "BUILD_GENERAL1_SMALL",
            "environmentVariables": build.environment,
        },
    })
}
