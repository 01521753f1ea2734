//! GetFile and GetBlob: the bytes of one file or link.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::EntryKind;
use serde_json::{Value, json};

use super::source::unreadable;
use super::tree::RepositoryPath;
use super::{object_id, required, specifier};
use crate::error::ServiceError;

/// Bytes of the largest file that the API returns: GetFile's `fileContent` has this maximum in the
/// service's model. Guess: GetBlob, which has FileTooLargeException but no figure, has the same.
const LARGEST_FILE: u64 = 6_291_456;

/// GetFile. A link is returned as its target, with the mode that only links have.
pub(super) fn get_file(git: &gix::Repository, input: &Value) -> Result<Value, ServiceError> {
    let path = RepositoryPath::of_member(input, "filePath")?;
    let commit = specifier::commit(git, input, "commitSpecifier")?;
    let missing = || {
        ServiceError::new(
            "FileDoesNotExistException",
            format!("there is no file {} in {commit}", path.text()),
        )
    };
    let (kind, id) = path.find(git, commit)?.ok_or_else(missing)?;
    let mode = match kind {
        EntryKind::Blob => "NORMAL",
        EntryKind::BlobExecutable => "EXECUTABLE",
        EntryKind::Link => "SYMLINK",
        EntryKind::Tree | EntryKind::Commit => return Err(missing()),
    };
    let content = content(git, id)?
        .ok_or_else(|| ServiceError::internal(format!("the repository lacks blob {id}")))?;
    Ok(json!({
        "commitId": commit.to_string(),
        "blobId": id.to_string(),
        "filePath": path.text(),
        "fileMode": mode,
        "fileSize": content.len(),
        "fileContent": BASE64_STANDARD.encode(content),
    }))
}

/// GetBlob. Any blob of the repository, reachable or not.
pub(super) fn get_blob(git: &gix::Repository, input: &Value) -> Result<Value, ServiceError> {
    let id = required(input, "blobId", "BlobIdRequiredException")?;
    let id = object_id(id, "InvalidBlobIdException")?;
    let content = content(git, id)?.ok_or_else(|| {
        ServiceError::new(
            "BlobIdDoesNotExistException",
            format!("there is no blob {id}"),
        )
    })?;
    Ok(json!({"content": BASE64_STANDARD.encode(content)}))
}

/// A blob's bytes, or `None` where there is no such blob.
fn content(git: &gix::Repository, id: ObjectId) -> Result<Option<Vec<u8>>, ServiceError> {
    // The size first: what is too large may be too large for memory.
    let header = git.try_find_header(id).map_err(unreadable)?;
    let Some(header) = header.filter(|header| header.kind() == Kind::Blob) else {
        return Ok(None);
    };
    if header.size() > LARGEST_FILE {
        return Err(ServiceError::new(
            "FileTooLargeException",
            format!("{} bytes exceed the limit of {LARGEST_FILE}", header.size()),
        ));
    }
    let mut blob = git.find_blob(id).map_err(unreadable)?;
    Ok(Some(std::mem::take(&mut blob.data)))
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD;
    use serde_json::{Value, json};

    use super::LARGEST_FILE;
    use crate::codecommit::fixture::{MAIN, Repo, SAMPLER};

    fn bytes(content: &Value) -> Vec<u8> {
        BASE64_STANDARD.decode(content.as_str().unwrap()).unwrap()
    }

    #[tokio::test]
    async fn every_file_and_link_is_returned_as_it_was_stored() {
        let repo = Repo::sampler();
        for packed in [false, true] {
            if packed {
                repo.git(["gc", "-q", "--prune=now"]);
            }
            for (mode, content, path) in SAMPLER.iter().filter(|(mode, ..)| *mode != "160000") {
                let path = std::str::from_utf8(path).unwrap();
                let file = repo.file(path).await.unwrap();
                assert_eq!(bytes(&file["fileContent"]), *content, "{path:?}");
                assert_eq!(file["fileSize"], content.len());
                assert_eq!(file["filePath"], path);
                let id = repo.git(["rev-parse", &format!("main:{path}")]);
                assert_eq!(file["blobId"], id);
                let expected = match *mode {
                    "100755" => "EXECUTABLE",
                    "120000" => "SYMLINK",
                    _ => "NORMAL",
                };
                assert_eq!(file["fileMode"], expected);
                let blob = repo.call("GetBlob", json!({"blobId": id})).await;
                assert_eq!(blob.unwrap()["content"], file["fileContent"]);
            }
        }
    }

    #[tokio::test]
    async fn a_file_at_the_limit_is_returned_and_one_byte_more_is_refused() {
        let repo = Repo::new();
        let mut content = vec![b'x'; usize::try_from(LARGEST_FILE).unwrap()];
        let fits = repo.blob(&content);
        content.push(b'x');
        let entries = [("100644", content.as_slice(), b"large".as_slice())];
        repo.commit("main", &entries);
        let answer = repo.call("GetBlob", json!({"blobId": fits})).await.unwrap();
        assert_eq!(bytes(&answer["content"]).len() as u64, LARGEST_FILE);
        let large = repo.git(["rev-parse", "main:large"]);
        assert_eq!(
            repo.refused("GetBlob", json!({"blobId": large})).await,
            "FileTooLargeException"
        );
        let refused = repo.file("large").await.unwrap_err();
        assert_eq!(refused.code, "FileTooLargeException");
    }

    #[tokio::test]
    async fn a_wrong_file_is_refused_by_the_documented_names() {
        let repo = Repo::sampler();
        for (path, exception) in [
            (Value::Null, "PathRequiredException"),
            (json!("bin/../README.md"), "InvalidPathException"),
            (json!(""), "FileDoesNotExistException"),
            (json!("bin"), "FileDoesNotExistException"),
            (json!("module"), "FileDoesNotExistException"),
            (json!("README.md/x"), "FileDoesNotExistException"),
            (json!("link/x"), "FileDoesNotExistException"),
            (json!("readme.md"), "FileDoesNotExistException"),
        ] {
            assert_eq!(
                repo.refused(
                    "GetFile",
                    json!({"filePath": path, "commitSpecifier": MAIN})
                )
                .await,
                exception
            );
        }
    }

    #[tokio::test]
    async fn a_wrong_blob_is_refused_by_the_documented_names() {
        let repo = Repo::sampler();
        let commit = repo.git(["rev-parse", "main"]);
        for (id, exception) in [
            (Value::Null, "BlobIdRequiredException"),
            (json!(""), "BlobIdRequiredException"),
            (json!("abc123"), "InvalidBlobIdException"),
            (json!("z".repeat(40)), "InvalidBlobIdException"),
            (json!("1".repeat(40)), "BlobIdDoesNotExistException"),
            (json!(commit), "BlobIdDoesNotExistException"),
        ] {
            assert_eq!(
                repo.refused("GetBlob", json!({"blobId": id})).await,
                exception
            );
        }
    }
}
