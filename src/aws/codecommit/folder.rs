//! One folder's entries.

use aws_sdk_codecommit::operation::get_folder::GetFolderOutput;
use aws_sdk_codecommit::types::FileModeTypeEnum;
use gix_hash::ObjectId;

use super::admission::Answer;
use super::concurrency::OF_ALL_PUSHES;
use super::{Repository, object_id, senseless};
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
    /// The names are those of `relativePath`: whether `absolutePath` of a link names the link or
    /// the folder that holds it, the documentation leaves open.
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
        // An empty listing would look like an empty folder; one of no commit at all is neither.
        let came = object_id(CALL, "commitId", Some(answer.commit_id()))?;
        if came != *commit {
            return Err(senseless(CALL, format!("commitId is {came}, not {commit}")));
        }
        let mut entries = Vec::with_capacity(
            answer.files().len() + answer.sub_folders().len() + answer.symbolic_links().len(),
        );
        let mut add = |name: Option<&str>, kind, id: Option<&str>| -> Result<(), Error> {
            entries.push(TreeEntry {
                name: name
                    .ok_or_else(|| senseless(CALL, format!("an entry of `{path}` has no name")))?
                    .to_owned(),
                kind,
                id: object_id(CALL, "an entry's id", id)?,
            });
            Ok(())
        };
        for file in answer.files() {
            // An unknown mode counts as a plain file: the tree's hash tells whether it is one.
            let kind = match file.file_mode() {
                Some(FileModeTypeEnum::Executable) => EntryKind::Executable,
                Some(FileModeTypeEnum::Symlink) => EntryKind::Link,
                _ => EntryKind::File,
            };
            add(file.relative_path(), kind, file.blob_id())?;
        }
        for link in answer.symbolic_links() {
            add(link.relative_path(), EntryKind::Link, link.blob_id())?;
        }
        for folder in answer.sub_folders() {
            add(folder.relative_path(), EntryKind::Folder, folder.tree_id())?;
        }
        for submodule in answer.sub_modules() {
            let id = submodule.commit_id();
            add(submodule.relative_path(), EntryKind::Submodule, id)?;
        }
        Ok(entries)
    }
}
