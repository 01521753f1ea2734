//! Faults on the wire: what AWS, the network and Lambda can do to a call.
//!
//! A [`Rule`] says which calls ([`When`]) and what happens to them ([`Action`]). Tests add rules
//! with the builder; `cargo local serve --faults FILE` reads them from JSON, a list such as
//!
//! ```json
//! [
//!   {"when": {"service": "codecommit"}, "do": {"latency": {"ms": 20, "jitter-ms": 10}}},
//!   {"when": {"service": "codecommit"}, "do": {"rate-cap": {"per-second": 50, "shape": "xml"}}},
//!   {"when": {"operation": "GetFile", "chance": 0.3, "seed": 7}, "do": {"throttle": {"shape": "json"}}},
//!   {"when": {"service": "s3", "operation": "UploadPart", "first": 2, "last": 3},
//!    "do": {"throttle": {"shape": "slow-down"}}},
//!   {"when": {"operation": "StartBuild", "until-s": 600},
//!    "do": {"exception": {"code": "AccountLimitExceededException",
//!                         "message": "Cannot have more than 300 builds in queue for the account"}}},
//!   {"when": {"operation": "GetBlob", "times": 1}, "do": "reset-after"},
//!   {"when": {"operation": "GetFile", "detail": "demo:src/"}, "do": {"stall": {"after-bytes": 100, "ms": 60000}}},
//!   {"when": {"operation": "GetFolder"}, "do": {"wrong-json": "garbage"}},
//!   {"when": {"detail": "demo:src"}, "do": {"drop-entry": {"name": "main.rs"}}},
//!   {"when": {"operation": "SendMessageBatch", "times": 1}, "do": {"fail-entry": {"entry": 2}}},
//!   {"when": {"operation": "BatchGetBuilds", "chance": 0.1}, "do": "mutate"},
//!   {"when": {"operation": "GetFile", "times": 1}, "do": "flip-bit"},
//!   {"when": {"caller": "LOCALFUNCTIONPUB", "first": 12, "last": 12}, "do": "kill-before"}
//! ]
//! ```
//!
//! Milliseconds and rates are real time, as the function measures it; `until-s` is on the local AWS's
//! clock, counted from when the rule was added.

mod action;
mod rate;
mod rule;
mod wrong_answer;

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::SystemTime;

use anyhow::Context as _;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

pub use action::{Action, Shape, WrongJson};
pub use rule::{Rule, When};

use crate::calls::Call;
use crate::clock::Clock;
use crate::lambda::Function;
use rate::TokenBucket;
pub(crate) use wrong_answer::{change_json, flip_bit};

/// The rules in force. Clones share them.
#[derive(Clone)]
pub struct Faults {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    next: u64,
    active: Vec<Active>,
    functions: Vec<Weak<Function>>,
}

struct Active {
    id: RuleId,
    rule: Rule,
    added: SystemTime,
    draws: StdRng,
    bucket: Option<TokenBucket>,
    firings: Firings,
}

/// Names an added rule, to take it away again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleId(u64);

/// What a rule has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Firings {
    /// Calls that its service, operation, detail and caller match.
    pub seen: u64,
    /// Calls that it applied to.
    pub fired: u64,
}

/// A fault that applies to one call.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) id: RuleId,
    pub(crate) action: Action,
    /// An even draw from 0 to 1, for jitter.
    pub(crate) draw: f64,
}

impl Faults {
    /// No rules. `clock` is the local AWS's, for `until-s`.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    /// Reads a list of rules, as in the module's example.
    pub fn read(path: &Path) -> anyhow::Result<Vec<Rule>> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("{} cannot be read", path.display()))?;
        serde_json::from_str(&text)
            .with_context(|| format!("{} is not a list of faults", path.display()))
    }

    /// Puts a rule in force; it counts calls and time from now on.
    pub fn add(&self, rule: Rule) -> RuleId {
        let added = self.clock.now();
        let mut state = self.state.lock();
        state.next += 1;
        let id = RuleId(state.next);
        let bucket = match rule.action {
            Action::RateCap { per_second, .. } => Some(TokenBucket::new(per_second)),
            _ => None,
        };
        let active = Active {
            id,
            added,
            draws: StdRng::seed_from_u64(rule.when.seed),
            bucket,
            firings: Firings::default(),
            rule,
        };
        // A kill is meant for one call of a run, and no other fault may take that call from it.
        let kills = |active: &Active| active.rule.action.kills();
        let place = if kills(&active) {
            state.active.partition_point(kills)
        } else {
            state.active.len()
        };
        state.active.insert(place, active);
        id
    }

    /// Takes a rule away, with its counts.
    pub fn remove(&self, id: RuleId) {
        self.state.lock().active.retain(|active| active.id != id);
    }

    pub fn clear(&self) {
        self.state.lock().active.clear();
    }

    /// What one rule has done; none once it is taken away.
    pub fn fired(&self, id: RuleId) -> Option<Firings> {
        let state = self.state.lock();
        let active = state.active.iter().find(|active| active.id == id);
        active.map(|active| active.firings)
    }

    /// Whose processes [`Action::KillBefore`] and [`Action::KillAfter`] end.
    pub(crate) fn on_kill(&self, function: &Arc<Function>) {
        self.state.lock().functions.push(Arc::downgrade(function));
    }

    /// Ends the process whose access key id this is; every process where it is not a function's id.
    pub(crate) async fn kill(&self, access_key_id: Option<&str>) {
        let functions = self.state.lock().functions.clone();
        for function in functions.iter().filter_map(Weak::upgrade) {
            function.kill(access_key_id).await;
        }
    }

    /// The faults that apply to this call. Those that change an answer are only candidates,
    /// counted by [`Faults::confirm`].
    pub(crate) fn on_call(&self, call: &Call) -> Vec<Fault> {
        let now = self.clock.now();
        let mut ended = false;
        let mut faults = Vec::new();
        // Every rule sees the call and counts it, even where an earlier one has ended it.
        for active in &mut self.state.lock().active {
            if let Some(fault) = active.on_call(call, now, ended) {
                ended |= fault.action.ends_call();
                faults.push(fault);
            }
        }
        faults
    }

    /// Counts a fault that is about to change an answer; `false` if it has fired often enough.
    pub(crate) fn confirm(&self, id: RuleId) -> bool {
        let mut state = self.state.lock();
        let active = state.active.iter_mut().find(|active| active.id == id);
        let active = active.filter(|active| active.may_fire());
        active.map(|active| active.firings.fired += 1).is_some()
    }
}

impl Active {
    fn on_call(&mut self, call: &Call, now: SystemTime, ended: bool) -> Option<Fault> {
        let when = &self.rule.when;
        let passed = now.duration_since(self.added).unwrap_or_default();
        let is_over = when.until_s.is_some_and(|end| passed.as_secs_f64() >= end);
        if is_over || !when.is_about(call) {
            return None;
        }
        self.firings.seen += 1;
        let numbers = when.first.unwrap_or(1)..=when.last.unwrap_or(u64::MAX);
        let drawn = when
            .chance
            .is_none_or(|share| self.draws.random::<f64>() < share);
        let capped = self.bucket.as_mut().is_none_or(|bucket| !bucket.take());
        let late = ended && self.rule.action.ends_call();
        if late || !numbers.contains(&self.firings.seen) || !self.may_fire() || !drawn || !capped {
            return None;
        }
        let action = self.rule.action.clone();
        self.firings.fired += u64::from(!action.changes_answer());
        Some(Fault {
            id: self.id,
            action,
            draw: self.draws.random(),
        })
    }

    fn may_fire(&self) -> bool {
        let times = self.rule.when.times;
        times.is_none_or(|times| self.firings.fired < times)
    }
}

#[cfg(test)]
mod tests;
