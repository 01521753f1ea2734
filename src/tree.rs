//! The walk lists every entry of a commit, folder by folder from its root tree, and verifies each
//! folder.

mod entries;
mod rules;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use gix_hash::ObjectId;

use crate::aws::codecommit::Repository;
use crate::base::Bases;
use crate::error::{Cause, Error};
use crate::git::{self, EntryKind, TreeEntry};
use crate::memory::TreeReservation;
pub use entries::Entries;
use rules::Limits;

/// How often a folder is listed whose entries do not hash to its tree id.
const ATTEMPTS: u32 = 3;

/// Every entry of a commit, folders included and the root left out.
#[derive(Debug)]
pub struct Tree {
    /// The commit.
    pub commit: ObjectId,
    /// In the bytewise order of their names in a bundle, where a folder's ends with a slash.
    pub entries: Entries,
    /// Held until the bundle is whole.
    _memory: TreeReservation,
}

struct Folder {
    path: String,
    id: ObjectId,
    depth: usize,
}

/// Lists a commit's whole tree; a folder that a base holds costs no call.
///
/// # Errors
///
/// A failed call; [`Error::Refused`] for a tree that breaks a rule or a limit;
/// [`Error::Unbundlable`] for a folder whose entries never hash to its tree id.
pub async fn walk(
    repository: &Repository,
    bases: &Bases,
    mut memory: TreeReservation,
    commit: ObjectId,
    root: ObjectId,
) -> Result<Tree, Error> {
    let mut first = Some(Folder {
        path: String::new(),
        id: root,
        depth: 0,
    });
    // Folders that are not listed yet: their positions among the entries, and their depths.
    let mut waiting: Vec<(usize, usize)> = Vec::new();
    let mut listings = FuturesUnordered::new();
    let mut entries = Entries::default();
    let mut limits = Limits::default();
    loop {
        // The last one found is the next: depth first keeps this list short.
        let known = loop {
            if listings.len() >= repository.in_flight() || memory.must_wait() {
                break None;
            }
            let next = || {
                let (position, depth) = waiting.pop()?;
                let entry = entries.get(position);
                let (path, id) = (entry.path.to_owned(), entry.id);
                Some(Folder { path, id, depth })
            };
            let Some(folder) = first.take().or_else(next) else {
                break None;
            };
            if let Some(listing) = bases.folder(&folder.id) {
                break Some((folder, listing));
            }
            listings.push(list(repository, &commit, folder));
        };
        let (folder, listing) = match known {
            Some(known) => known,
            None => match listings.next().await {
                Some(listed) => listed?,
                // No call of this walk is under way, so that its wait holds up no other push.
                None if memory.must_wait() => {
                    memory.wait().await;
                    continue;
                }
                None => break,
            },
        };
        let refused = |why| Error::Refused { commit, why };
        rules::check_folder(&folder.path, &listing).map_err(refused)?;
        for TreeEntry { name, kind, id } in listing {
            let depth = folder.depth + 1;
            if kind == EntryKind::Tree {
                waiting.push((entries.len(), depth));
            }
            let pushed = entries.push(&folder.path, &name, kind, id);
            let path = pushed.map_err(refused)?;
            limits.count(path, depth).map_err(refused)?;
            memory.add_entry(path).map_err(refused)?;
        }
    }
    memory.end_turn();
    entries.sort();
    Ok(Tree {
        commit,
        entries,
        _memory: memory,
    })
}

/// One folder's entries, which hash to its tree id.
async fn list(
    repository: &Repository,
    commit: &ObjectId,
    folder: Folder,
) -> Result<(Folder, Vec<TreeEntry>), Error> {
    let mut came = String::new();
    // An answer that was cut short by chance is whole the next time.
    for attempt in 1..=ATTEMPTS {
        let entries = match repository.folder(commit, &folder.path).await {
            Err(Error::BadAnswer { .. }) if attempt < ATTEMPTS => continue,
            Err(Error::Call(call)) if call.cause == Cause::TooLarge => {
                let start = rules::start_of(&folder.path);
                let why = format!("too many entries in folder `{start}`");
                let commit = *commit;
                return Err(Error::Refused { commit, why });
            }
            answered => answered?,
        };
        match git::tree_id(&entries) {
            Ok(id) if id == folder.id => return Ok((folder, entries)),
            Ok(id) => came = id.to_string(),
            Err(why) => came = format!("nothing ({why})"),
        }
        tracing::debug!(
            folder = folder.path,
            attempt,
            came,
            "a listing is not the tree's"
        );
    }
    // The API leaves an entry out, or cannot show a name that is not UTF-8 or an old mode (100664).
    let Folder { path, id, .. } = folder;
    Err(Error::Unbundlable {
        commit: *commit,
        why: format!(
            "what CodeCommit lists of folder `{path}` does not hash to its tree id {id} but to {came}"
        ),
    })
}
