//! AWS STS: AssumeRole. Any caller may assume any role that is not denied, and the answer's
//! credentials say in the call log which role a call was made under.
//!
//! Members and bounds are those of the service's model
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::aws::{ACCOUNT, SECRET_ACCESS_KEY};
use crate::clock::{Clock, rfc3339};
use crate::error::{ServiceError, refusal};

/// How long credentials are valid; no other time can be asked for.
const VALID: Duration = Duration::from_hours(1);

/// The roles. Clones share them.
#[derive(Clone)]
pub struct Sts {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    assumed: Vec<AssumedRole>,
    denied: BTreeSet<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumedRole {
    pub role_arn: String,
    pub session_name: String,
    /// The one that the caller gave.
    pub external_id: Option<String>,
    pub access_key_id: String,
    /// The access key id that assumed it.
    pub(crate) caller: Option<String>,
}

/// The members of a request. Another one is refused.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct AssumeRole {
    #[serde(rename = "Version")]
    _version: Option<String>,
    role_arn: String,
    role_session_name: String,
    external_id: Option<String>,
}

impl Sts {
    /// No role is denied.
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    pub fn deny(&self, role_arn: &str) {
        self.state.lock().denied.insert(role_arn.to_owned());
    }

    pub fn assumed(&self) -> Vec<AssumedRole> {
        self.state.lock().assumed.clone()
    }

    /// The session that an access key id belongs to, where AssumeRole gave it out.
    pub(crate) fn session(&self, access_key_id: Option<&str>) -> Option<AssumedRole> {
        let state = self.state.lock();
        let mut sessions = state.assumed.iter();
        let session = sessions.find(|session| Some(&*session.access_key_id) == access_key_id);
        session.cloned()
    }

    /// Answers one request; `caller` is the access key id that it was signed with.
    pub(crate) fn call(
        &self,
        operation: &str,
        input: Value,
        caller: Option<&str>,
    ) -> Result<Value, ServiceError> {
        if operation != "AssumeRole" {
            return Err(ServiceError::unknown_operation(operation));
        }
        let input: AssumeRole =
            serde_json::from_value(input).map_err(|error| invalid(format!("{error}")))?;
        check_role(&input.role_arn)?;
        check(&input.role_session_name, "roleSessionName", 64, "+=,.@-")?;
        if let Some(external_id) = &input.external_id {
            check(external_id, "externalId", 1_224, "+=,.@:/-")?;
        }
        let mut state = self.state.lock();
        if state.denied.contains(&input.role_arn) {
            return Err(ServiceError {
                status: 403,
                ..refusal!(
                    "AccessDenied",
                    "User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: sts:AssumeRole on resource: {}",
                    input.role_arn
                )
            });
        }
        // As long as a real key id; the prefix is that of temporary credentials.
        let random = Uuid::new_v4().simple().to_string().to_uppercase();
        let key = format!("ASIA{}", &random[..16]);
        state.assumed.push(AssumedRole {
            role_arn: input.role_arn,
            session_name: input.role_session_name,
            external_id: input.external_id,
            access_key_id: key.clone(),
            caller: caller.map(str::to_owned),
        });
        Ok(json!({"Credentials": {
            "AccessKeyId": key,
            "SecretAccessKey": SECRET_ACCESS_KEY,
            "SessionToken": format!("local-session-{key}"),
            "Expiration": rfc3339(self.clock.now() + VALID),
        }}))
    }
}

/// STS gives the same short message for every wrong ARN.
fn check_role(arn: &str) -> Result<(), ServiceError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    if let ["arn", _, "iam", "", account, resource] = parts[..]
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && resource.starts_with("role/")
        && resource.len() > "role/".len()
    {
        return Ok(());
    }
    Err(invalid(format!("{arn} is invalid")))
}

/// 2 to `most` letters, digits, underscores and `punctuation`.
fn check(value: &str, member: &str, most: usize, punctuation: &str) -> Result<(), ServiceError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || punctuation.contains(c);
    if (2..=most).contains(&value.len()) && value.chars().all(is_allowed) {
        return Ok(());
    }
    Err(invalid(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: \
         Member must have 2 to {most} characters of [\\w{punctuation}]"
    )))
}

fn invalid(message: String) -> ServiceError {
    ServiceError::new("ValidationError", message)
}

#[cfg(test)]
mod tests;
