//! What became of each push.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::World;
use super::history::{History, Push};

/// What must not be: where all is well, the default.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Pushes without a build.
    pub lost: usize,
    /// Builds beyond the first of a push, and builds of no push.
    pub doubled: usize,
    /// Builds that were started before one of an earlier push of the same branch.
    pub out_of_order: usize,
    /// Why builds are not of exactly their commit.
    pub inexact: Vec<String>,
    /// Builds straight from CodeCommit.
    pub unbundled: usize,
    /// Messages in the dead-letter queue, which are not lost.
    pub dead_letters: usize,
}

impl Verdict {
    /// Judges the builds of a history's repositories.
    pub fn of(history: &History, world: &World) -> Self {
        let mut verdict = Self {
            dead_letters: world.dead_letters(),
            ..Self::default()
        };
        let events = history.pushes.iter().map(|push| push.event.as_str());
        let numbers: HashMap<_, _> = events.zip(0..).collect();
        let mut built = BTreeSet::new();
        // The newest push that was built of each branch.
        let mut newest: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        let mut builds = world.builds();
        builds.retain(|build| {
            let mut repositories = history.repositories.iter();
            repositories.any(|(name, _)| *name == build.project)
        });
        for build in builds {
            let event = build.variable("PUSH_EVENT_ID").unwrap_or_default();
            let Some(&number) = numbers.get(event) else {
                verdict.doubled += 1;
                continue;
            };
            let push: &Push = &history.pushes[number];
            let (_, repository) = &history.repositories[push.repository];
            verdict.doubled += usize::from(!built.insert(number));
            verdict.unbundled += usize::from(build.source_type != "S3");
            let judged = world.judge(&build, repository, &push.commit);
            verdict
                .inexact
                .extend(judged.err().map(|why| format!("{event}: {why:#}")));
            let last = newest
                .entry((push.repository, &push.branch))
                .or_insert(number);
            verdict.out_of_order += usize::from(number < *last);
            *last = number.max(*last);
        }
        verdict.lost = history.pushes.len() - built.len();
        verdict
    }
}
