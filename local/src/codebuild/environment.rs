//! A build's environment variables: what may be set, and what an override overrides.

use serde_json::Value;

use super::build::EnvironmentVariable;
use super::input::{invalid, one_of, optional, required};
use crate::error::ServiceError;

const VARIABLE_TYPES: [&str; 3] = ["PLAINTEXT", "PARAMETER_STORE", "SECRETS_MANAGER"];

/// Reads a list of variables; none where the member is absent.
pub(super) fn variables(list: &Value) -> Result<Vec<EnvironmentVariable>, ServiceError> {
    let none = Vec::new();
    let items = match list {
        Value::Null => &none,
        Value::Array(items) => items,
        _ => return Err(invalid("Environment variables must be a list")),
    };
    items.iter().map(variable).collect()
}

fn variable(item: &Value) -> Result<EnvironmentVariable, ServiceError> {
    let name = required(item, "name")?;
    let value = optional(item, "value")?
        .ok_or_else(|| invalid(format!("The environment variable {name} has no value")))?;
    one_of(item, "type", &VARIABLE_TYPES)?;
    // "Do not set any environment variable with a name that begins with CODEBUILD_. This prefix is
    // reserved for internal use" (Environment variables in build environments).
    if name.starts_with("CODEBUILD_") {
        return Err(invalid(format!(
            "Invalid environment variable {name}: names that begin with CODEBUILD_ are reserved"
        )));
    }
    Ok(EnvironmentVariable {
        name: name.to_owned(),
        value: value.to_owned(),
        kind: optional(item, "type")?.unwrap_or("PLAINTEXT").to_owned(),
    })
}

/// The project's variables, each replaced by an override of its name. That CodeBuild merges by
/// name is not documented, but what users rely on.
pub(super) fn merged(
    project: &Value,
    overrides: Vec<EnvironmentVariable>,
) -> Result<Vec<EnvironmentVariable>, ServiceError> {
    let mut all = variables(project)?;
    all.retain(|kept| {
        overrides
            .iter()
            .all(|override_| override_.name != kept.name)
    });
    all.extend(overrides);
    Ok(all)
}
