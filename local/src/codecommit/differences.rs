//! GetDifferences: what changed between two commits; without the first, all that is in the second.
//!
//! The same entries as `git diff-tree -r --no-renames`, in its order. Renames are a deletion and an
//! addition: the API knows no other change types than A, M and D.

use gix::ObjectId;
use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::objs::tree::{EntryKind, name_order};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tree::{self, Entry, RepositoryPath};
use super::{Call, page, specifier};
use crate::error::ServiceError;

/// Differences in a page where MaxResults is left out. A guess: neither a default nor a maximum
/// is documented.
const PAGE: usize = 100;

/// What is compared: an entry of either side, a folder as a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Question {
    before: Option<Entry>,
    after: Option<Entry>,
}

/// One file, link or submodule that differs.
#[derive(Debug)]
pub(super) struct Difference {
    before: Option<Leaf>,
    after: Option<Leaf>,
}

#[derive(Debug)]
struct Leaf {
    path: BString,
    kind: EntryKind,
    id: ObjectId,
}

/// Where the next page goes on.
#[derive(Deserialize, Serialize)]
struct Token {
    repository: String,
    before: Option<String>,
    after: String,
    before_path: Option<String>,
    after_path: Option<String>,
    from: usize,
}

/// GetDifferences. `beforePath` and `afterPath` limit it to a file or folder, and the answer's
/// paths are then relative to it, as in the AWS CLI's sample. Guess: where only one is given, it
/// holds for both sides, and a path must exist on one side at least.
pub(super) fn get(call: &Call<'_>) -> Result<Value, ServiceError> {
    let after = call
        .input
        .required("afterCommitSpecifier", "CommitRequiredException")?;
    let before = call
        .input
        .text("beforeCommitSpecifier")?
        .filter(|before| !before.is_empty());
    let size = match call.input.integer("MaxResults")? {
        None => PAGE,
        Some(size) => usize::try_from(size)
            .ok()
            .filter(|size| *size > 0)
            .ok_or_else(|| {
                ServiceError::new("InvalidMaxResultsException", "MaxResults must be positive")
            })?,
    };
    let [before_path, after_path] = ["beforePath", "afterPath"].map(|path| call.input.text(path));
    let (before_path, after_path) = (before_path?, after_path?);

    let asked: Option<Token> = call.input.text("NextToken")?.map(page::read).transpose()?;
    if let Some(token) = &asked
        && (token.repository != call.source.name()
            || token.before.is_some() != before.is_some()
            || token.before_path.as_deref() != before_path
            || token.after_path.as_deref() != after_path)
    {
        return Err(page::invalid_token("it belongs to another call"));
    }
    // Later pages are of the commits that the first one was of.
    let (before, after, from) = match &asked {
        None => (before, after, 0),
        Some(token) => (token.before.as_deref(), token.after.as_str(), token.from),
    };
    let after = specifier::commit(call.git, Some(after))?;
    let before = before
        .map(|before| specifier::commit(call.git, Some(before)))
        .transpose()?;

    let question = question(call.git, before, after, before_path, after_path)?;
    let all = call
        .source
        .differences(question, |question| compare(call.git, question))?;
    if from > all.len() {
        return Err(page::invalid_token("it points behind the last page"));
    }
    let until = all.len().min(from.saturating_add(size));
    let mut answer =
        json!({"differences": all[from..until].iter().map(Difference::json).collect::<Vec<_>>()});
    if until < all.len() {
        let next = Token {
            repository: call.source.name().to_owned(),
            before: before.map(|id| id.to_string()),
            after: after.to_string(),
            before_path: before_path.map(str::to_owned),
            after_path: after_path.map(str::to_owned),
            from: until,
        };
        answer["NextToken"] = page::token(&next)?.into();
    }
    Ok(answer)
}

fn question(
    git: &gix::Repository,
    before: Option<ObjectId>,
    after: ObjectId,
    before_path: Option<&str>,
    after_path: Option<&str>,
) -> Result<Question, ServiceError> {
    // The folder that is asked about counts as the root: its own name is no part of any path.
    let find = |path: &RepositoryPath, commit: ObjectId| -> Result<_, ServiceError> {
        let mut found = path.find(git, tree::root(git, commit)?)?;
        if let Some(folder) = found.as_mut().filter(|entry| is_tree(entry)) {
            folder.name.clear();
        }
        Ok(found)
    };
    let before_path = RepositoryPath::parse(before_path.or(after_path).unwrap_or_default())?;
    let after_path = after_path.map_or_else(|| Ok(before_path.clone()), RepositoryPath::parse)?;
    let before = before.map_or(Ok(None), |before| find(&before_path, before))?;
    let after = find(&after_path, after)?;
    if before.is_none() && after.is_none() {
        return Err(ServiceError::new(
            "PathDoesNotExistException",
            format!(
                "there is neither {} nor {}",
                before_path.text(),
                after_path.text()
            ),
        ));
    }
    Ok(Question { before, after })
}

/// Walks both sides folder by folder, skipping what is the same in both.
fn compare(git: &gix::Repository, question: &Question) -> Result<Vec<Difference>, ServiceError> {
    let mut walk = Walk::default();
    walk.pair(
        BStr::new(""),
        question.before.clone(),
        question.after.clone(),
    );
    // No recursion: how deep a repository's folders go is not ours to limit.
    while let Some((folder, [before, after])) = walk.folders.pop() {
        let side =
            |id: Option<ObjectId>| id.map_or_else(|| Ok(Vec::new()), |id| tree::entries(git, id));
        let mut before = side(before)?.into_iter().peekable();
        let mut after = side(after)?.into_iter().peekable();
        loop {
            let order = match (before.peek(), after.peek()) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(b), Some(a)) => name_order(&b.name, is_tree(b), &a.name, is_tree(a)),
            };
            let b = if order.is_le() { before.next() } else { None };
            let a = if order.is_ge() { after.next() } else { None };
            walk.pair(folder.as_bstr(), b, a);
        }
    }
    // Git's order of whole paths is that of their bytes.
    walk.found.sort_by(|a, b| a.path().cmp(&b.path()));
    Ok(walk.found)
}

/// A folder's path, and its tree before and after.
type Folder = (BString, [Option<ObjectId>; 2]);

#[derive(Default)]
struct Walk {
    folders: Vec<Folder>,
    found: Vec<Difference>,
}

impl Walk {
    /// Takes up two entries of one name; either may be missing, and either may be a folder.
    fn pair(&mut self, folder: &BStr, before: Option<Entry>, after: Option<Entry>) {
        let same = |b: &Entry, a: &Entry| b.id == a.id && b.kind == a.kind;
        if before
            .as_ref()
            .zip(after.as_ref())
            .is_some_and(|(b, a)| same(b, a))
        {
            return;
        }
        let (before_tree, before) = split(folder, before);
        let (after_tree, after) = split(folder, after);
        if let Some((path, _)) = before_tree.as_ref().or(after_tree.as_ref()) {
            let trees = [&before_tree, &after_tree].map(|tree| tree.as_ref().map(|(_, id)| *id));
            self.folders.push((path.clone(), trees));
        }
        if before.is_some() || after.is_some() {
            self.found.push(Difference { before, after });
        }
    }
}

/// A folder's path and tree, or else the leaf that an entry is.
fn split(folder: &BStr, entry: Option<Entry>) -> (Option<(BString, ObjectId)>, Option<Leaf>) {
    match entry {
        None => (None, None),
        Some(Entry { name, kind, id }) => {
            let path = join(folder, name.as_bstr());
            match kind {
                EntryKind::Tree => (Some((path, id)), None),
                kind => (None, Some(Leaf { path, kind, id })),
            }
        }
    }
}

fn is_tree(entry: &Entry) -> bool {
    entry.kind == EntryKind::Tree
}

fn join(folder: &BStr, name: &BStr) -> BString {
    let slash: &[u8] = if folder.is_empty() { b"" } else { b"/" };
    [folder.as_bytes(), slash, name.as_bytes()].concat().into()
}

impl Difference {
    fn path(&self) -> Option<&BString> {
        self.before
            .as_ref()
            .or(self.after.as_ref())
            .map(|leaf| &leaf.path)
    }

    fn json(&self) -> Value {
        let blob = |leaf: &Leaf| {
            json!({
                "blobId": leaf.id.to_string(),
                "path": leaf.path.to_str_lossy(),
                "mode": format!("{:o}", leaf.kind as u16),
            })
        };
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => {
                json!({"beforeBlob": blob(before), "afterBlob": blob(after), "changeType": "M"})
            }
            (Some(before), None) => json!({"beforeBlob": blob(before), "changeType": "D"}),
            (None, after) => {
                json!({"afterBlob": after.as_ref().map(blob), "changeType": "A"})
            }
        }
    }
}

#[cfg(test)]
mod tests;
