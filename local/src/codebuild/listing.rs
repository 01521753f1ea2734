//! The actions that look builds and projects up.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::CodeBuild;
use super::build::{Build, epoch_seconds};
use super::input::{invalid, not_found, optional, required};
use super::project::Project;
use crate::error::ServiceError;

/// "If there are more than 100 items in the list, only the first 100 items are returned".
const PAGE: usize = 100;

impl CodeBuild {
    /// "The results are sorted by build number, not the build identifier. If this is not
    /// specified, the results are sorted in descending order" (ListBuildsForProject).
    pub(super) fn list_builds_for_project(&self, input: &Value) -> Result<Value, ServiceError> {
        let name = required(input, "projectName")?;
        let ascending = ascending(input, false)?;
        // <https://github.com/aws/aws-cli/issues/5863>
        if !input["sortOrder"].is_null() && !input["nextToken"].is_null() {
            return Err(invalid(
                "Sort order can't be specified when passing a nextToken",
            ));
        }
        let after = optional(input, "nextToken")?
            .map(|token| {
                token
                    .parse::<u64>()
                    .map_err(|_| invalid("Invalid pagination token"))
            })
            .transpose()?;
        let state = self.state();
        let any = state.any_project && Project::can_be_named(name);
        if !any && !state.projects.contains_key(name) {
            return Err(not_found(format!(
                "The specified project {} does not exist",
                self.arn("project", name)
            )));
        }
        let mut builds: Vec<&Build> = state
            .builds
            .iter()
            .filter(|build| build.project == name)
            .filter(|build| {
                after.is_none_or(|after| {
                    if ascending {
                        build.number > after
                    } else {
                        build.number < after
                    }
                })
            })
            .collect();
        if !ascending {
            builds.reverse();
        }
        let page: Vec<&&Build> = builds.iter().take(PAGE).collect();
        let ids: Vec<&str> = page.iter().map(|build| build.id.as_str()).collect();
        let mut answer = json!({"ids": ids});
        if builds.len() > PAGE {
            answer["nextToken"] = json!(page.last().map(|build| build.number.to_string()));
        }
        Ok(answer)
    }

    pub(super) fn batch_get_builds(&self, input: &Value) -> Result<Value, ServiceError> {
        let now = self.0.clock.now();
        let ids = names(input, "ids")?;
        let state = self.state();
        let (mut builds, mut missing) = (Vec::new(), Vec::new());
        for id in ids {
            match state.builds.iter().find(|build| build.is(id)) {
                Some(build) => builds.push(build.described(now)),
                None => missing.push(id),
            }
        }
        Ok(json!({"builds": builds, "buildsNotFound": missing}))
    }

    pub(super) fn create_project(&self, input: &Value) -> Result<Value, ServiceError> {
        let now = self.0.clock.now();
        let name = required(input, "name")?;
        if !Project::can_be_named(name) {
            return Err(invalid(format!(
                "Invalid project name {name}: letters, digits, - and _, 2 to 150 of them, the first a letter or a digit"
            )));
        }
        for (structure, member) in [
            ("source", "type"),
            ("artifacts", "type"),
            ("environment", "image"),
        ] {
            required(&input[structure], member)?;
        }
        let mut state = self.state();
        if state.projects.contains_key(name) {
            return Err(ServiceError::new(
                "ResourceAlreadyExistsException",
                format!("Project already exists: {}", self.arn("project", name)),
            ));
        }
        let mut settings = input.clone();
        if let Some(members) = settings.as_object_mut() {
            members.remove("name");
        }
        let project = Project::with(name, settings, now);
        let answer = json!({"project": self.described(&project)});
        state.projects.insert(name.to_owned(), project);
        Ok(answer)
    }

    pub(super) fn batch_get_projects(&self, input: &Value) -> Result<Value, ServiceError> {
        let wanted = names(input, "names")?;
        let state = self.state();
        let (mut projects, mut missing) = (Vec::new(), Vec::new());
        for name in wanted {
            let short = name.rsplit('/').next().unwrap_or(name);
            match state.projects.get(short) {
                Some(project) => projects.push(self.described(project)),
                None => missing.push(name),
            }
        }
        Ok(json!({"projects": projects, "projectsNotFound": missing}))
    }

    pub(super) fn list_projects(&self, input: &Value) -> Result<Value, ServiceError> {
        let ascending = ascending(input, true)?;
        let after = optional(input, "nextToken")?;
        let state = self.state();
        let mut found: Vec<&str> = state
            .projects
            .keys()
            .map(String::as_str)
            .filter(|name| {
                after.is_none_or(|after| {
                    if ascending {
                        *name > after
                    } else {
                        *name < after
                    }
                })
            })
            .collect();
        if !ascending {
            found.reverse();
        }
        let more = found.len() > PAGE;
        found.truncate(PAGE);
        let mut answer = json!({"projects": found});
        if more {
            answer["nextToken"] = json!(found.last());
        }
        Ok(answer)
    }

    fn described(&self, project: &Project) -> Value {
        let mut described = Value::Object(project.settings.clone());
        let time = |at: SystemTime| json!(epoch_seconds(at));
        described["name"] = json!(project.name);
        described["arn"] = json!(self.arn("project", &project.name));
        described["created"] = time(project.created);
        described["lastModified"] = time(project.created);
        described
    }
}

fn ascending(input: &Value, otherwise: bool) -> Result<bool, ServiceError> {
    match optional(input, "sortOrder")? {
        None => Ok(otherwise),
        Some("ASCENDING") => Ok(true),
        Some("DESCENDING") => Ok(false),
        Some(other) => Err(invalid(format!(
            "1 validation error detected: Value '{other}' at 'sortOrder' failed to satisfy constraint: Member must satisfy enum value set: [ASCENDING, DESCENDING]"
        ))),
    }
}

/// From 1 to 100 names or ids.
fn names<'a>(input: &'a Value, member: &str) -> Result<Vec<&'a str>, ServiceError> {
    let items = input[member]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if !(1..=PAGE).contains(&items.len()) {
        return Err(invalid(format!(
            "'{member}' must have 1 to 100 items, it has {}",
            items.len()
        )));
    }
    items
        .iter()
        .map(|item| {
            item.as_str()
                .ok_or_else(|| invalid(format!("'{member}' must be a list of strings")))
        })
        .collect()
}
