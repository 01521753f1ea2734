//! What became of each push.

use std::collections::{BTreeMap, HashMap};

use super::World;
use super::bundle::entries_of;
use super::history::{History, Push};
use pushbuild_local::codebuild::Build;

/// Counts of what must not be: where all is well, the default.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Pushes without a build.
    lost: usize,
    /// Builds beyond the first of a push, and builds of no push.
    doubled: usize,
    /// Builds that were started before one of an earlier push of the same branch.
    out_of_order: usize,
    /// Builds whose bundle is not exactly the commit.
    inexact: usize,
    /// Messages in the dead-letter queue, which are not lost.
    dead_letters: usize,
}

impl Verdict {
    /// Judges the repositories' builds; `events` are the ids of the pushes' events.
    pub fn of(history: &History, events: &[String], world: &World) -> Self {
        let events = events.iter().enumerate();
        let mut waiting: HashMap<&str, usize> =
            events.map(|(push, event)| (event.as_str(), push)).collect();
        let mut verdict = Self {
            dead_letters: world.dead_letters(),
            ..Self::default()
        };
        // The newest push that was built of each branch.
        let mut newest: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        let mut builds = world.builds();
        builds.retain(|build| {
            let mut repositories = history.repositories.iter();
            repositories.any(|(name, _)| *name == build.project)
        });
        for build in builds {
            let event = build.variable("PUSH_EVENT_ID").unwrap_or_default();
            let Some(number) = waiting.remove(event) else {
                verdict.doubled += 1;
                continue;
            };
            let push = &history.pushes[number];
            let last = newest
                .entry((push.repository, &push.branch))
                .or_insert(number);
            verdict.out_of_order += usize::from(number < *last);
            *last = number.max(*last);
            verdict.inexact += usize::from(!is_exact(&build, push, history, world));
        }
        verdict.lost = waiting.len();
        verdict
    }
}

/// Whether the build's bundle, in its very version, holds the commit's files and nothing else.
fn is_exact(build: &Build, push: &Push, history: &History, world: &World) -> bool {
    build.source_type == "S3"
        && build.variable("COMMIT_ID") == Some(&push.commit)
        && entries_of(&world.bundle_of(build)) == history.entries_of(push)
}
