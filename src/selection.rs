//! Which pushes are built: those to chosen references of chosen repositories.

mod references;
mod repositories;

pub use references::ReferenceGlobs;
pub use repositories::{Repositories, Selected};

use crate::event::{Push, Request, Skip};

/// What a deployment builds.
#[derive(Clone, Debug)]
pub struct Selection {
    /// `REPOSITORIES`: whose pushes are built.
    pub repositories: Repositories,
    /// `INCLUDE_REFERENCES`: what is built of them.
    pub include_references: ReferenceGlobs,
    /// `EXCLUDE_REFERENCES`: what is not, though it is included.
    pub exclude_references: ReferenceGlobs,
}

impl Selection {
    /// A message's request, with the pushes skipped that are not to be built.
    pub fn apply(&self, request: Request) -> Request {
        let skip = match &request {
            Request::Build(push) => self.skips(push),
            Request::Skip(_) => None,
        };
        skip.map_or(request, Request::Skip)
    }

    /// Why this push is left out, if it is.
    pub fn skips(&self, push: &Push) -> Option<Skip> {
        if self.repositories.select(&push.repository).is_none() {
            return Some(Skip::NotSelected(push.repository.clone()));
        }
        let reference = push.reference.full_name();
        let is_built = self.include_references.matches(&reference)
            && !self.exclude_references.matches(&reference);
        (!is_built).then_some(Skip::Excluded(reference))
    }
}
