//! One folder's entries.

use aws_sdk_codecommit::types::FileModeTypeEnum;
use gix_hash::ObjectId;

use super::{Repository, cause, object_id, senseless};
use crate::aws::failed;
use crate::error::Error;
use crate::git::{EntryKind, TreeEntry};

impl Repository {
    /// The entries of a folder, as the API lists them; nothing has checked them yet.
    ///
    /// The names are those of `relativePath`: whether `absolutePath` of a link names the link or
    /// the folder that holds it, the documentation leaves open.
    ///
    /// # Errors
    ///
    /// A failed call, or an answer without ids; [`Cause::TooLarge`] for a list that is too long.
    pub async fn folder(&self, commit: &ObjectId, path: &str) -> Result<Vec<TreeEntry>, Error> {
        const CALL: &str = "CodeCommit GetFolder";
        self.pace.turn().await;
        let answer = self
            .client
            .get_folder()
            .repository_name(&*self.name)
            .commit_specifier(commit.to_string())
            // The root is the empty path: <https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetFolder.html>.
            .folder_path(path)
            .customize()
            .interceptor(self.meter.clone())
            .interceptor(self.folder_answer.clone())
            .send()
            .await
            .map_err(|error| failed(CALL, self.about(path), &error, cause))?;
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
