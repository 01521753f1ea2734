//! GetDifferences: what changed between two commits; without the first, all that is in the second.
//!
//! The same entries as `git diff-tree -r --no-renames`, in its order. Renames are a deletion and an
//! addition: the API knows no other change types than A, M and D.

use gix::ObjectId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::comparison::{Difference, Question, compare, is_tree};
use super::tree::{self, RepositoryPath};
use super::{Call, page, specifier};
use crate::error::ServiceError;

/// Differences in a page where MaxResults is left out. A guess: neither a default nor a maximum
/// is documented.
const PAGE: usize = 100;

/// Where the next page goes on, and in what call.
#[derive(Deserialize, Serialize)]
struct Token {
    members: Map<String, Value>,
    before: Option<String>,
    after: String,
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

    let members = call.input.without(&["MaxResults", "NextToken"]);
    let asked: Option<Token> = call.input.text("NextToken")?.map(page::read).transpose()?;
    if asked.as_ref().is_some_and(|token| token.members != members) {
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
            members,
            before: before.map(|id| id.to_string()),
            after: after.to_string(),
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

#[cfg(test)]
mod tests;
