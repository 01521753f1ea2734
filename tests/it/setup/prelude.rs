//! What nearly every test uses.

pub use std::time::Duration;

pub use pushbuild_local::calls::Service;
pub use pushbuild_local::events::RepositoryEvent;
pub use pushbuild_local::faults::{Action, Rule};

pub use super::World;
pub use super::faults::*;
pub use super::memory::LimitedWorld;
pub use super::repository::{EXECUTABLE, FILE, LINK, Repository};
