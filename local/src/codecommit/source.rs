//! One Git repository behind many calls at once.
//!
//! A gix handle belongs to one thread at a time. It looks for new packs and references by itself,
//! yet may miss what `git gc` is moving at that moment from one file to another: before a call
//! fails, it is tried with the repository opened anew.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use gix::odb::store::init::Slots;
use parking_lot::Mutex;

use crate::error::ServiceError;

/// Handles that are kept for later calls, since each remembers the trees that call after call walks
/// through. More calls than these at once open their own.
const KEPT_HANDLES: usize = 32;
/// Bytes of objects that each handle remembers: the upper folders of a large repository.
const REMEMBERED_OBJECTS: usize = 4 << 20;
/// Pack indices that fit while a repository is served. Their number is fixed when it is opened,
/// and each fetch or push can add one.
const PACK_SLOTS: usize = 4096;

/// A repository that is served.
#[derive(Debug)]
pub(super) struct Source {
    path: PathBuf,
    shared: gix::ThreadSafeRepository,
    idle: Mutex<Vec<gix::Repository>>,
}

impl Source {
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            shared: open(path)?,
            path: path.canonicalize()?,
            idle: Mutex::default(),
        })
    }

    pub(super) fn git_dir(&self) -> &Path {
        self.shared.git_dir()
    }

    /// Lends a handle to `work`, which may block, and is tried again with a fresh one if it finds
    /// something missing or unreadable.
    pub(super) fn with<T>(
        &self,
        work: impl Fn(&gix::Repository) -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        let idle = self.idle.lock().pop();
        let git = idle.unwrap_or_else(|| handle(&self.shared));
        let done = work(&git);
        let mut idle = self.idle.lock();
        if idle.len() < KEPT_HANDLES {
            idle.push(git);
        }
        drop(idle);
        match done {
            Err(error) if error.status >= 500 || error.code.ends_with("DoesNotExistException") => {
                let fresh = open(&self.path)
                    .map_err(|error| ServiceError::internal(format!("{error:#}")))?;
                work(&handle(&fresh))
            }
            done => done,
        }
    }
}

/// Opens the Git repository that `path` is or lies in.
pub(super) fn open(path: &Path) -> anyhow::Result<gix::ThreadSafeRepository> {
    let path = path
        .canonicalize()
        .with_context(|| format!("cannot open {} as a Git repository", path.display()))?;
    // Isolated: what is served depends on the repository alone, not on the user's configuration or
    // the GIT_… variables of a hook.
    let options = || {
        let slots = Slots::AsNeededByDiskState {
            multiplier: 1.1,
            minimum: PACK_SLOTS,
        };
        gix::open::Options::isolated().object_store_slots(slots)
    };
    let by_trust = gix::sec::trust::Mapping {
        full: options(),
        reduced: options(),
    };
    let upwards = gix::discover::upwards::Options::default();
    let shared =
        gix::ThreadSafeRepository::discover_opts(&path, upwards, by_trust).with_context(|| {
            match gix::discover::upwards(&path) {
                Ok(_) => format!("cannot read the Git repository {}", path.display()),
                Err(_) => format!("{} is not in a Git repository", path.display()),
            }
        })?;
    // Reading HEAD shows at once what gix cannot read, such as references kept in a reftable.
    handle(&shared)
        .head()
        .with_context(|| format!("cannot read the Git repository {}", path.display()))?;
    Ok(shared)
}

/// A handle of this thread's own.
pub(super) fn handle(shared: &gix::ThreadSafeRepository) -> gix::Repository {
    let mut git = shared.to_thread_local();
    git.object_cache_size_if_unset(REMEMBERED_OBJECTS);
    // `git replace` is local: what was pushed is what a server has.
    git.objects.ignore_replacements = true;
    git
}

/// A repository that cannot be read is the service's failure, not the caller's.
pub(super) fn unreadable(error: impl std::error::Error + Send + Sync + 'static) -> ServiceError {
    let error = anyhow::Error::from(error);
    ServiceError::internal(format!("the Git repository cannot be read: {error:#}"))
}
