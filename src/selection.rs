//! Which pushes are built: those to chosen references of chosen repositories.

mod references;
mod repositories;

pub use references::ReferenceGlobs;
pub use repositories::{Repositories, Selected};

use crate::event::{self, BadMessage, Push, Request, Skip};

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
    /// Reads a message's body; a push that is not to be built is skipped.
    pub fn read(&self, body: &str) -> Result<Request, BadMessage> {
        let request = event::parse(body)?;
        let skip = match &request {
            Request::Build(push) => self.skips(push),
            Request::Skip(_) => None,
        };
        Ok(skip.map_or(request, Request::Skip))
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
