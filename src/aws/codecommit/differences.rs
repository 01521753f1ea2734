//! Which paths differ between two commits.

use gix_hash::ObjectId;

use super::admission::Answer;
use super::{Repository, bad_answer, object_id};
use crate::error::Error;
use crate::git::{Change, EntryKind};

/// The changes in one page of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// Nothing has checked them.
    pub list: Vec<Change>,
    /// Whether there are more.
    pub is_cut_short: bool,
}

impl Repository {
    /// The first page of what changed from one commit to another. No document says how many entries a
    /// page has, nor which number may be asked for; so none is asked for.
    ///
    /// # Errors
    ///
    /// A failed call, or an answer without paths and ids.
    pub async fn changes(&self, from: &ObjectId, to: &ObjectId) -> Result<Changes, Error> {
        const CALL: &str = "CodeCommit GetDifferences";
        let (from, to) = (from.to_string(), to.to_string());
        let about = format!("{from}..{to}");
        let list = Answer::List(self.client.lists.clone());
        let answer = self
            .send(CALL, &about, list, |sdk, interceptor| {
                sdk.get_differences()
                    .repository_name(&*self.name)
                    .before_commit_specifier(&from)
                    .after_commit_specifier(&to)
                    .customize()
                    .interceptor(interceptor)
                    .send()
            })
            .await?;
        let path = |path: Option<&str>| {
            path.map(str::to_owned)
                .ok_or_else(|| bad_answer(CALL, "a difference has no path".to_owned()))
        };
        let mut list = Vec::with_capacity(answer.differences().len());
        for difference in answer.differences() {
            let (before, after) = (difference.before_blob(), difference.after_blob());
            let old = before.map(|blob| path(blob.path())).transpose()?;
            let new = after.map(|blob| path(blob.path())).transpose()?;
            if let Some(path) = old.filter(|path| new.as_ref() != Some(path)) {
                list.push(Change { path, now: None });
            }
            if let (Some(path), Some(blob)) = (new, after) {
                let id = object_id(CALL, "afterBlob.blobId", blob.blob_id())?;
                let now = Some((kind(CALL, blob.mode())?, id));
                list.push(Change { path, now });
            }
        }
        Ok(Changes {
            list,
            is_cut_short: answer.next_token().is_some(),
        })
    }
}

/// The modes in <https://docs.aws.amazon.com/codecommit/latest/APIReference/API_BlobMetadata.html>.
fn kind(call: &'static str, mode: Option<&str>) -> Result<EntryKind, Error> {
    match mode {
        Some("100644") => Ok(EntryKind::Blob),
        Some("100755") => Ok(EntryKind::BlobExecutable),
        Some("120000") => Ok(EntryKind::Link),
        Some("160000") => Ok(EntryKind::Commit),
        other => Err(bad_answer(call, format!("a mode is {other:?}"))),
    }
}
