//! One folder's entries.

use aws_sdk_codecommit::operation::get_folder::GetFolderOutput;
use aws_sdk_codecommit::types::FileModeTypeEnum;
use gix_hash::ObjectId;

use super::admission::Answer;
use super::concurrency::OF_ALL_PUSHES;
use super::{Repository, bad_answer, object_id};
use crate::error::{CallError, Error};
use crate::git::{EntryKind, TreeEntry};

impl Repository {
    pub(super) async fn list_folder(
        &self,
        call: &'static str,
        commit: &str,
        path: &str,
        about: &str,
    ) -> Result<GetFolderOutput, CallError> {
        let list = Answer::List(self.client.lists.clone());
        let _permit = OF_ALL_PUSHES.acquire().await;
        self.send(call, about, list, |sdk, interceptor| {
            sdk.get_folder()
                .repository_name(&*self.name)
                .commit_specifier(commit)
                // The root is the empty path: <https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetFolder.html>.
                .folder_path(path)
                .customize()
                .interceptor(interceptor)
                .send()
        })
        .await
    }

    /// The entries of a folder, as the API lists them; nothing has checked them yet.
    ///
    /// Names are read from `relativePath`: the documentation does not say whether `absolutePath` of a
    /// link names the link or the folder that holds it.
    ///
    /// # Errors
    ///
    /// A failed call, or an answer without ids; [`Cause::TooLarge`](crate::error::Cause::TooLarge)
    /// for a list that is too long.
    pub async fn folder(&self, commit: &ObjectId, path: &str) -> Result<Vec<TreeEntry>, Error> {
        const CALL: &str = "CodeCommit GetFolder";
        let answer = self
            .list_folder(CALL, &commit.to_string(), path, path)
            .await?;
        // An answer without a commit would pass for an empty folder.
        let came = object_id(CALL, "commitId", Some(answer.commit_id()))?;
        if came != *commit {
            return Err(bad_answer(CALL, format!("commitId {came}, not {commit}")));
        }
        let files = answer.files().iter().map(|file| {
            // An unknown mode counts as a plain file: the tree's hash tells whether it is one.
            let kind = match file.file_mode() {
                Some(FileModeTypeEnum::Executable) => EntryKind::BlobExecutable,
                Some(FileModeTypeEnum::Symlink) => EntryKind::Link,
                _ => EntryKind::Blob,
            };
            (file.relative_path(), kind, file.blob_id())
        });
        let links = answer.symbolic_links().iter();
        let links = links.map(|link| (link.relative_path(), EntryKind::Link, link.blob_id()));
        let folders = answer.sub_folders().iter();
        let folders = folders.map(|it| (it.relative_path(), EntryKind::Tree, it.tree_id()));
        let submodules = answer.sub_modules().iter();
        let submodules =
            submodules.map(|it| (it.relative_path(), EntryKind::Commit, it.commit_id()));
        let entries = files.chain(links).chain(folders).chain(submodules);
        let nameless = || bad_answer(CALL, format!("an entry of `{path}` has no name"));
        let read = |(name, kind, id): (Option<&str>, _, _)| {
            Ok(TreeEntry {
                name: name.ok_or_else(nameless)?.to_owned(),
                kind,
                id: object_id(CALL, "an entry's id", id)?,
            })
        };
        entries.map(read).collect()
    }
}
