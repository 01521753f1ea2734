//! A build project: what a build is started from when nothing is overridden.

use std::time::SystemTime;

use serde_json::{Map, Value, json};

/// A project, with its settings as the API writes them.
#[derive(Clone, Debug)]
pub(super) struct Project {
    pub name: String,
    pub created: SystemTime,
    /// `source`, `artifacts`, `environment` and the rest, as `CreateProject` gave them.
    pub settings: Map<String, Value>,
    /// How many builds it has had.
    pub builds: u64,
}

impl Project {
    /// A project that reads the repository of its own name.
    pub fn minimal(name: &str, region: &str, now: SystemTime) -> Self {
        let settings = json!({
            "source": {
                "type": "CODECOMMIT",
                "location": format!("https://git-codecommit.{region}.amazonaws.com/v1/repos/{name}"),
            },
            "artifacts": {"type": "NO_ARTIFACTS"},
            "environment": {
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/amazonlinux-x86_64-standard:5.0",
                "computeType": "BUILD_GENERAL1_SMALL",
                "environmentVariables": [],
            },
        });
        Self::with(name, settings, now)
    }

    pub fn with(name: &str, settings: Value, now: SystemTime) -> Self {
        let settings = match settings {
            Value::Object(settings) => settings,
            _ => Map::new(),
        };
        Self {
            name: name.to_owned(),
            created: now,
            settings,
            builds: 0,
        }
    }

    /// A setting, or null.
    pub fn setting(&self, name: &str) -> Value {
        self.settings.get(name).cloned().unwrap_or_default()
    }

    /// Whether a project can have this name: `[A-Za-z0-9][A-Za-z0-9\-_]{1,149}` in the service's
    /// model. A repository's name may hold a dot, a project's may not.
    pub fn can_be_named(name: &str) -> bool {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (2..=150).contains(&name.len())
            && name.bytes().all(inner)
            && name.as_bytes()[0].is_ascii_alphanumeric()
    }
}
