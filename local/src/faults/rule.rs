//! A rule: which calls, and what happens to them.

use std::time::Duration;

use serde::Deserialize;

use super::action::Action;
use crate::calls::{Call, Service};
use crate::lambda::{FUNCTION_KEY_PREFIX, Handler};

/// Which calls a rule is about. What is not given matches all.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub struct When {
    /// For instance `codecommit`.
    pub service: Option<Service>,
    /// For instance `GetFolder`.
    pub operation: Option<String>,
    /// A part of the call's detail (`repository:path`, `bucket/key`, project, queue).
    pub detail: Option<String>,
    /// The start of the caller's access key id.
    pub caller: Option<String>,
    /// The first call to fire on, counting those that match all of the above, from 1.
    pub first: Option<u64>,
    /// The last call to fire on, counted likewise.
    pub last: Option<u64>,
    pub times: Option<u64>,
    /// The share of calls to fire on, 0 to 1.
    pub chance: Option<f64>,
    /// Makes the draws of `chance` the same in every run.
    pub seed: u64,
    /// Fires until so many seconds after the rule was added, on the local AWS's clock.
    pub until_s: Option<f64>,
}

/// A fault and the calls it applies to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[must_use = "a rule applies to no call before it is added"]
pub struct Rule {
    #[serde(default)]
    pub when: When,
    #[serde(rename = "do")]
    pub action: Action,
}

impl Rule {
    /// `action` on every call.
    pub fn new(action: Action) -> Self {
        Self {
            when: When::default(),
            action,
        }
    }

    /// SIGKILL for the function `publish` before its `n`-th call from now on, counted from 1.
    pub fn kill_before(n: u64) -> Self {
        Self::new(Action::KillBefore).by_function().nth(n).times(1)
    }

    /// SIGKILL for the function `publish` after its `n`-th call from now on took effect, counted from 1.
    pub fn kill_after(n: u64) -> Self {
        Self::new(Action::KillAfter).by_function().nth(n).times(1)
    }

    pub fn on(mut self, service: Service) -> Self {
        self.when.service = Some(service);
        self
    }

    pub fn operation(mut self, operation: &str) -> Self {
        self.when.operation = Some(operation.to_owned());
        self
    }

    /// Only calls whose detail contains this.
    pub fn about(mut self, detail: &str) -> Self {
        self.when.detail = Some(detail.to_owned());
        self
    }

    /// Only calls that the function `publish` makes, under its own credentials or a role's.
    pub fn by_function(self) -> Self {
        self.by(Handler::Publish.key_prefix())
    }

    pub fn by_intake(self) -> Self {
        self.by(Handler::Intake.key_prefix())
    }

    pub fn by_either_function(self) -> Self {
        self.by(FUNCTION_KEY_PREFIX)
    }

    /// Only calls of an access key id that begins like this.
    fn by(mut self, caller: &str) -> Self {
        self.when.caller = Some(caller.to_owned());
        self
    }

    /// Only the `n`-th matching call, counted from 1.
    pub fn nth(self, n: u64) -> Self {
        self.between(n, n)
    }

    /// Only the matching calls `first` to `last`, counted from 1.
    pub fn between(mut self, first: u64, last: u64) -> Self {
        (self.when.first, self.when.last) = (Some(first), Some(last));
        self
    }

    pub fn times(mut self, times: u64) -> Self {
        self.when.times = Some(times);
        self
    }

    /// Fires on this share of the calls, the same ones for the same `seed` and order of calls.
    pub fn chance(mut self, share: f64, seed: u64) -> Self {
        (self.when.chance, self.when.seed) = (Some(share), seed);
        self
    }

    /// Fires only so long after being added, on the local AWS's clock.
    pub fn until(mut self, end: Duration) -> Self {
        self.when.until_s = Some(end.as_secs_f64());
        self
    }
}

impl When {
    pub(super) fn is_about(&self, call: &Call) -> bool {
        let (operation, detail) = (self.operation.as_deref(), self.detail.as_deref());
        let id = call.access_key_id.as_deref().unwrap_or_default();
        let is_caller = |start| id.starts_with(start);
        self.service.is_none_or(|service| service == call.service)
            && operation.is_none_or(|operation| operation == call.operation)
            && detail.is_none_or(|part| call.detail.contains(part))
            && self.caller.as_deref().is_none_or(is_caller)
    }
}
