//! GetFolder: the entries of one folder of a commit, all of them in one answer.

use gix::bstr::ByteSlice as _;
use gix::objs::tree::EntryKind;
use serde_json::{Value, json};

use super::source::unreadable;
use super::specifier;
use super::tree::RepositoryPath;
use crate::error::ServiceError;

/// The answer has no pages, however large the folder. Guesses: `folderPath` comes back without
/// slashes at its ends, and `absolutePath` is the entry's own full path for links and submodules
/// too (their documentation says "to the folder that contains").
pub(super) fn get(git: &gix::Repository, input: &Value) -> Result<Value, ServiceError> {
    let path = RepositoryPath::of_member(input, "folderPath")?;
    let commit = specifier::commit(git, input, "commitSpecifier")?;
    let Some((EntryKind::Tree, id)) = path.find(git, commit)? else {
        let message = format!("there is no folder {} in {commit}", path.text());
        return Err(ServiceError::new("FolderDoesNotExistException", message));
    };
    let folder = git.find_tree(id).map_err(unreadable)?;

    let [mut files, mut links, mut folders, mut submodules] = [const { Vec::new() }; 4];
    for entry in folder.iter() {
        let entry = entry.map_err(unreadable)?;
        let id = entry.oid().to_string();
        let absolute = path.join(entry.filename());
        let relative = entry.filename().to_str_lossy();
        let file = |mode: &str| json!({"blobId": id, "absolutePath": absolute, "relativePath": relative, "fileMode": mode});
        match entry.kind() {
            EntryKind::Blob => files.push(file("NORMAL")),
            EntryKind::BlobExecutable => files.push(file("EXECUTABLE")),
            EntryKind::Link => links.push(file("SYMLINK")),
            EntryKind::Tree => folders
                .push(json!({"treeId": id, "absolutePath": absolute, "relativePath": relative})),
            EntryKind::Commit => submodules
                .push(json!({"commitId": id, "absolutePath": absolute, "relativePath": relative})),
        }
    }
    Ok(json!({
        "commitId": commit.to_string(),
        "folderPath": path.text(),
        "treeId": id.to_string(),
        "subFolders": folders,
        "files": files,
        "symbolicLinks": links,
        "subModules": submodules,
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::codecommit::fixture::{MAIN, Repo, git};

    /// Walks the whole tree by GetFolder and writes it as `git ls-tree -r -t` does.
    async fn walk(repo: &Repo, specifier: &str) -> Vec<String> {
        let (mut found, mut folders) = (Vec::new(), vec![String::new()]);
        while let Some(folder) = folders.pop() {
            let input = json!({"folderPath": folder, "commitSpecifier": specifier});
            let answer = repo.call("GetFolder", input).await.unwrap();
            for (list, kind, id) in [
                ("files", "blob", "blobId"),
                ("symbolicLinks", "blob", "blobId"),
                ("subFolders", "tree", "treeId"),
                ("subModules", "commit", "commitId"),
            ] {
                for entry in answer[list].as_array().unwrap() {
                    let path = entry["absolutePath"].as_str().unwrap();
                    let name = entry["relativePath"].as_str().unwrap();
                    let slash = if folder.is_empty() { "" } else { "/" };
                    assert_eq!(path, format!("{folder}{slash}{name}"));
                    let mode = match (list, entry["fileMode"].as_str()) {
                        ("files", Some("NORMAL")) => "100644",
                        ("files", Some("EXECUTABLE")) => "100755",
                        ("symbolicLinks", Some("SYMLINK")) => "120000",
                        ("subFolders", None) => "040000",
                        ("subModules", None) => "160000",
                        other => panic!("{other:?}"),
                    };
                    found.push(format!(
                        "{mode} {kind} {}\t{path}",
                        entry[id].as_str().unwrap()
                    ));
                    if list == "subFolders" {
                        folders.push(path.to_owned());
                    }
                }
            }
        }
        found.sort();
        found
    }

    fn ls_tree(repo: &Repo, commit: &str) -> Vec<String> {
        let listing = git(&repo.path(), ["ls-tree", "-r", "-t", "-z", commit], b"");
        let lines = listing
            .split(|byte| *byte == 0)
            .filter(|line| !line.is_empty());
        let mut lines: Vec<_> = lines
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        lines.sort();
        lines
    }

    #[tokio::test]
    async fn all_folders_together_are_what_git_ls_tree_lists() {
        let repo = Repo::sampler();
        assert_eq!(walk(&repo, MAIN).await, ls_tree(&repo, "main"));
    }

    #[tokio::test]
    async fn packed_objects_and_references_are_read_as_loose_ones() {
        let repo = Repo::sampler();
        repo.git(["tag", "-a", "-m", "x", "v1"]);
        repo.git(["gc", "-q", "--prune=now"]);
        assert_eq!(walk(&repo, MAIN).await, ls_tree(&repo, "main"));
        assert_eq!(walk(&repo, "refs/tags/v1").await, ls_tree(&repo, "main"));
    }

    #[tokio::test]
    async fn a_slash_at_either_end_means_nothing() {
        let repo = Repo::sampler();
        for (path, shown, object) in [("/", "", "main^{tree}"), ("/a b/", "a b", "main:a b")] {
            let answer = repo.folder(path).await.unwrap();
            assert_eq!(answer["folderPath"], shown);
            assert_eq!(answer["treeId"], repo.git(["rev-parse", object]));
            assert_eq!(answer["commitId"], repo.git(["rev-parse", "main"]));
        }
    }

    #[tokio::test]
    async fn a_name_that_is_not_utf8_arrives_damaged_as_json_must() {
        let repo = Repo::new();
        repo.commit(
            "main",
            &[("100644", b"x", b"caf\xe9"), ("100644", b"y", b"d\xff/in")],
        );
        let answer = repo.folder("").await.unwrap();
        assert_eq!(answer["files"][0]["relativePath"], "caf\u{fffd}");
        assert_eq!(answer["subFolders"][0]["absolutePath"], "d\u{fffd}");
        let refused = repo.folder("d\u{fffd}").await.unwrap_err();
        assert_eq!(refused.code, "FolderDoesNotExistException");
    }

    #[tokio::test]
    async fn the_old_mode_100664_is_shown_as_a_normal_file() {
        let repo = Repo::new();
        let id = gix::ObjectId::from_hex(repo.blob(b"old").as_bytes()).unwrap();
        let raw = [b"100664 old\0".as_slice(), id.as_slice()].concat();
        let store = ["hash-object", "-t", "tree", "-w", "--stdin", "--literally"];
        let tree = git(&repo.path(), store, &raw);
        repo.commit_tree("main", std::str::from_utf8(&tree).unwrap().trim());
        let answer = repo.folder("").await.unwrap();
        assert_eq!(answer["files"][0]["fileMode"], "NORMAL");
        assert_eq!(answer["treeId"], repo.git(["rev-parse", "main^{tree}"]));
    }

    #[tokio::test]
    async fn a_commit_without_files_has_an_empty_root() {
        let repo = Repo::new();
        repo.commit("main", &[]);
        let answer = repo.folder("").await.unwrap();
        assert_eq!(answer["treeId"], "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
        for list in ["files", "subFolders", "symbolicLinks", "subModules"] {
            assert_eq!(answer[list], json!([]));
        }
    }

    #[tokio::test]
    async fn a_wrong_folder_is_refused_by_the_documented_names() {
        let repo = Repo::sampler();
        for (path, exception) in [
            (Value::Null, "PathRequiredException"),
            (json!("a//b"), "InvalidPathException"),
            (json!("../demo"), "InvalidPathException"),
            (json!("nowhere"), "FolderDoesNotExistException"),
            (json!("README.md"), "FolderDoesNotExistException"),
            (json!("link"), "FolderDoesNotExistException"),
            (json!("module"), "FolderDoesNotExistException"),
            (json!("BIN"), "FolderDoesNotExistException"),
        ] {
            let input = json!({"folderPath": path, "commitSpecifier": MAIN});
            assert_eq!(repo.refused("GetFolder", input).await, exception);
        }
    }
}
