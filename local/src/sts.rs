//! AWS STS: AssumeRole. Any caller may assume any role that is not denied, and the answer's
//! credentials say in the call log which role a call was made under.
//!
//! Members and bounds are those of the service's model
//! (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::aws::ACCOUNT;
use crate::clock::Clock;
use crate::error::{ServiceError, xml_escaped};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// How long credentials are valid. No other duration can be asked for.
const VALID: Duration = Duration::from_hours(1);

/// The roles. Clones share them.
#[derive(Clone)]
pub struct Sts(Arc<Inner>);

struct Inner {
    clock: Clock,
    state: Mutex<State>,
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
    /// What the caller proved to know.
    pub external_id: Option<String>,
    pub access_key_id: String,
    /// The access key id that assumed it.
    pub(crate) caller: Option<String>,
}

impl Sts {
    /// No role is denied.
    pub(crate) fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock,
            state: Mutex::default(),
        }))
    }

    pub fn deny(&self, role_arn: &str) {
        self.0.state.lock().denied.insert(role_arn.to_owned());
    }

    pub fn assumed(&self) -> Vec<AssumedRole> {
        self.0.state.lock().assumed.clone()
    }

    /// The session that an access key id belongs to, where AssumeRole gave it out.
    pub(crate) fn session(&self, access_key_id: Option<&str>) -> Option<AssumedRole> {
        let state = self.0.state.lock();
        let mut sessions = state.assumed.iter();
        let session = sessions.find(|session| Some(&*session.access_key_id) == access_key_id);
        session.cloned()
    }

    /// Answers one Query request with the XML of its answer.
    pub(crate) fn call(
        &self,
        form: &[(String, String)],
        caller: Option<&str>,
    ) -> Result<String, ServiceError> {
        let member = |name: &str| {
            let found = form.iter().find(|(member, _)| member == name);
            found.map(|(_, value)| value.as_str())
        };
        let action = member("Action").unwrap_or_default();
        if action != "AssumeRole" {
            return Err(ServiceError::unknown_operation(action));
        }
        let role_arn = member("RoleArn").unwrap_or_default();
        let session_name = member("RoleSessionName").unwrap_or_default();
        let external_id = member("ExternalId");
        check_role(role_arn)?;
        check(session_name, "roleSessionName", 64, "+=,.@-")?;
        if let Some(external_id) = external_id {
            check(external_id, "externalId", 1_224, "+=,.@:/-")?;
        }
        let mut state = self.0.state.lock();
        if state.denied.contains(role_arn) {
            let message = format!(
                "User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: sts:AssumeRole on resource: {role_arn}"
            );
            return Err(ServiceError {
                status: 403,
                ..ServiceError::new("AccessDenied", message)
            });
        }
        // As long as a real key id; the prefix is that of temporary credentials.
        let random = Uuid::new_v4().simple().to_string().to_uppercase();
        let key = format!("ASIA{}", &random[..16]);
        state.assumed.push(AssumedRole {
            role_arn: role_arn.to_owned(),
            session_name: session_name.to_owned(),
            external_id: external_id.map(str::to_owned),
            access_key_id: key.clone(),
            caller: caller.map(str::to_owned),
        });
        let expiration = OffsetDateTime::from(self.0.clock.now() + VALID).truncate_to_second();
        let expiration = expiration
            .format(&Rfc3339)
            .map_err(ServiceError::internal)?;
        Ok(format!(
            "<AssumeRoleResponse xmlns=\"{NAMESPACE}\"><AssumeRoleResult><Credentials>\
             <AccessKeyId>{key}</AccessKeyId>\
             <SecretAccessKey>local-and-not-a-secret</SecretAccessKey>\
             <SessionToken>local-session-{key}</SessionToken>\
             <Expiration>{expiration}</Expiration>\
             </Credentials></AssumeRoleResult>\
             <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\
             </AssumeRoleResponse>",
            Uuid::new_v4()
        ))
    }
}

/// The body of an error answer.
pub(crate) fn error_xml(error: &ServiceError) -> String {
    let kind = if error.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    let (code, message) = (xml_escaped(&error.code), xml_escaped(&error.message));
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{kind}</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
        Uuid::new_v4()
    )
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
    let message = format!("{arn} is invalid");
    Err(ServiceError::new("ValidationError", message))
}

/// 2 to `most` letters, digits, underscores and `punctuation`.
fn check(value: &str, member: &str, most: usize, punctuation: &str) -> Result<(), ServiceError> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || punctuation.contains(c);
    if (2..=most).contains(&value.len()) && value.chars().all(is_allowed) {
        return Ok(());
    }
    Err(ServiceError::new(
        "ValidationError",
        format!(
            "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: \
             Member must have 2 to {most} characters of [\\w{punctuation}]"
        ),
    ))
}

#[cfg(test)]
mod tests;
