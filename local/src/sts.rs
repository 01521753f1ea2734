//! AWS STS: AssumeRole and GetCallerIdentity, over the Query protocol.
//!
//! Any credentials are accepted, and any role can be assumed that a test does not deny. Each
//! assumed role has an access key of its own, so that the calls made under it can be told from
//! others by the `Credential` of their signature.
//!
//! - `form`: the members of a request, as validated by the service
//! - `xml`: its answers

mod form;
mod xml;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::ServiceError;
use form::Form;
use xml::{element, response};

pub use xml::error_xml;

/// The service. Clones share what was assumed.
#[derive(Clone)]
pub struct Sts(Arc<Inner>);

struct Inner {
    clock: Clock,
    account: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    assumed: Vec<AssumedRole>,
    denied: HashSet<String>,
}

/// A role that was assumed, once for each AssumeRole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssumedRole {
    /// The role's ARN, as requested.
    pub role_arn: String,
    /// The session's name.
    pub session_name: String,
    /// The external id, if one was sent.
    pub external_id: Option<String>,
    /// The access key of the credentials that were given out.
    pub access_key_id: String,
}

impl Sts {
    /// No role assumed yet; `account` is whose callers without an assumed role are.
    pub fn new(clock: Clock, account: &str) -> Self {
        Self(Arc::new(Inner {
            clock,
            account: account.to_owned(),
            state: Mutex::default(),
        }))
    }

    /// Every role assumed so far, in order.
    pub fn assumed(&self) -> Vec<AssumedRole> {
        self.state().assumed.clone()
    }

    /// The role whose credentials an access key belongs to.
    pub fn role_of(&self, access_key_id: &str) -> Option<String> {
        self.session_of(access_key_id)
            .map(|session| session.role_arn)
    }

    /// From now on nobody may assume this role.
    pub fn deny(&self, role_arn: &str) {
        self.state().denied.insert(role_arn.to_owned());
    }

    /// Answers one request in XML.
    ///
    /// # Errors
    /// What the STS API reference documents; [`error_xml`] is its body.
    pub async fn call(&self, form: &[(String, String)]) -> Result<String, ServiceError> {
        self.call_as(form, None).await
    }

    /// As [`Self::call`], for the caller whose signature names this access key: GetCallerIdentity
    /// then answers with the assumed role.
    ///
    /// # Errors
    /// As [`Self::call`].
    #[expect(clippy::unused_async, reason = "all services are called alike")]
    pub async fn call_as(
        &self,
        form: &[(String, String)],
        access_key_id: Option<&str>,
    ) -> Result<String, ServiceError> {
        let form = Form(form);
        match form.get("Action") {
            Some("AssumeRole") => self.assume_role(&form),
            Some("GetCallerIdentity") => Ok(self.caller_identity(access_key_id)),
            Some(action) => Err(ServiceError::new(
                "UnknownOperationException",
                format!("The local STS has no action {action}."),
            )),
            None => Err(ServiceError::new(
                "MissingAction",
                "The request must name an Action.",
            )),
        }
    }

    fn assume_role(&self, form: &Form<'_>) -> Result<String, ServiceError> {
        let role_arn = form.role_arn()?;
        let session_name = form.session_name()?;
        let external_id = form.external_id()?;
        let duration = form.duration()?;
        let expiration = OffsetDateTime::from(self.0.clock.now() + Duration::from_secs(duration));
        let expiration = expiration
            .replace_nanosecond(0)
            .ok()
            .and_then(|at| at.format(&Rfc3339).ok())
            .ok_or_else(|| ServiceError::internal("the clock is out of bounds"))?;
        let mut state = self.state();
        if state.denied.contains(role_arn) {
            let message = format!(
                "User: arn:aws:iam::{}:root is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                self.0.account
            );
            return Err(ServiceError {
                status: 403,
                ..ServiceError::new("AccessDenied", message)
            });
        }
        let assumed = AssumedRole {
            role_arn: role_arn.to_owned(),
            session_name: session_name.to_owned(),
            external_id: external_id.map(str::to_owned),
            access_key_id: key_id("ASIA"),
        };
        let credentials = [
            element("AccessKeyId", &assumed.access_key_id),
            element("SecretAccessKey", "local-secret-of-an-assumed-role"),
            element(
                "SessionToken",
                &format!("local-session-{}", assumed.access_key_id),
            ),
            element("Expiration", &expiration),
        ];
        let user = [
            element("AssumedRoleId", &assumed.user_id()),
            element("Arn", &assumed.session_arn()),
        ];
        state.assumed.push(assumed);
        let result = format!(
            "<Credentials>{}</Credentials><AssumedRoleUser>{}</AssumedRoleUser>",
            credentials.concat(),
            user.concat()
        );
        Ok(response("AssumeRole", &result))
    }

    fn caller_identity(&self, access_key_id: Option<&str>) -> String {
        let session = access_key_id.and_then(|id| self.session_of(id));
        let (arn, user, account) = match &session {
            Some(session) => (session.session_arn(), session.user_id(), session.account()),
            None => (
                format!("arn:aws:iam::{}:root", self.0.account),
                self.0.account.clone(),
                self.0.account.as_str(),
            ),
        };
        let members = [
            element("Arn", &arn),
            element("UserId", &user),
            element("Account", account),
        ];
        response("GetCallerIdentity", &members.concat())
    }

    fn session_of(&self, access_key_id: &str) -> Option<AssumedRole> {
        let state = self.state();
        state
            .assumed
            .iter()
            .find(|session| session.access_key_id == access_key_id)
            .cloned()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the sessions as they were: each change is made in one piece.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AssumedRole {
    fn account(&self) -> &str {
        self.role_arn.split(':').nth(4).unwrap_or_default()
    }

    /// `arn:aws:sts::{account}:assumed-role/{role}/{session}`: the role's path is left out.
    fn session_arn(&self) -> String {
        let role = self.role_arn.rsplit('/').next().unwrap_or_default();
        let partition = self.role_arn.split(':').nth(1).unwrap_or("aws");
        format!(
            "arn:{partition}:sts::{}:assumed-role/{role}/{}",
            self.account(),
            self.session_name
        )
    }

    fn user_id(&self) -> String {
        format!("AROA{}:{}", &self.access_key_id[4..], self.session_name)
    }
}

/// A key id as long as a real one: the prefix says what kind it is.
fn key_id(prefix: &str) -> String {
    let random = Uuid::new_v4().simple().to_string().to_uppercase();
    format!("{prefix}{}", &random[..16])
}

#[cfg(test)]
mod tests;
