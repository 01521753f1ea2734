//! GetRepository and ListRepositories.

use std::sync::Arc;
use std::time::SystemTime;

use gix::bstr::ByteSlice as _;
use serde_json::{Value, json};

use super::input::Input;
use super::source::Source;
use super::unreadable::unreadable;
use super::{ACCOUNT, Call, REGION, page};
use crate::error::ServiceError;

/// GetRepository. The clone URL is the folder itself: there is no Git server here.
pub(super) fn get(call: &Call<'_>) -> Result<Value, ServiceError> {
    let name = call.source.name();
    let mut metadata = json!({
        "accountId": ACCOUNT,
        "repositoryId": call.source.id().to_string(),
        "repositoryName": name,
        "lastModifiedDate": modified(call.source),
        "creationDate": created(call.source),
        "cloneUrlHttp": format!("file://{}", call.source.git_dir().display()),
        "Arn": format!("arn:aws:codecommit:{REGION}:{ACCOUNT}:{name}"),
    });
    // A repository without commits has no default branch yet, and one with a detached HEAD none.
    let head = call.git.head().map_err(unreadable)?;
    if let (Some(branch), false) = (head.referent_name(), head.is_unborn()) {
        metadata["defaultBranch"] = branch.shorten().to_str_lossy().into();
    }
    Ok(json!({"repositoryMetadata": metadata}))
}

/// ListRepositories, by name unless asked otherwise.
pub(super) fn list(sources: &[Arc<Source>], input: &Input) -> Result<Value, ServiceError> {
    let mut sources = sources.to_vec();
    match input.text("sortBy")? {
        None | Some("repositoryName") => sources.sort_by(|a, b| a.name().cmp(b.name())),
        Some("lastModifiedDate") => {
            sources.sort_by(|a, b| modified(a).total_cmp(&modified(b)));
        }
        Some(other) => {
            let message = format!("{other:?} is neither repositoryName nor lastModifiedDate");
            return Err(ServiceError::new("InvalidSortByException", message));
        }
    }
    match input.text("order")? {
        None | Some("ascending") => {}
        Some("descending") => sources.reverse(),
        Some(other) => {
            let message = format!("{other:?} is neither ascending nor descending");
            return Err(ServiceError::new("InvalidOrderException", message));
        }
    }
    let pairs: Vec<_> = sources
        .iter()
        .map(|source| {
            json!({"repositoryName": source.name(), "repositoryId": source.id().to_string()})
        })
        .collect();
    page::of_names("repositories", &pairs, input)
}

/// Seconds since 1970, with fractions: how awsJson1.1 writes times.
fn modified(source: &Source) -> f64 {
    let head = source.git_dir().join("HEAD").metadata();
    seconds(head.and_then(|head| head.modified()))
}

/// Not every file system keeps the time of creation; some say 1970.
fn created(source: &Source) -> f64 {
    let folder = source.git_dir().metadata();
    let created = seconds(folder.and_then(|folder| folder.created()));
    if created > 0.0 {
        created
    } else {
        modified(source)
    }
}

fn seconds(time: std::io::Result<SystemTime>) -> f64 {
    let since = time
        .ok()
        .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
    since.unwrap_or_default().as_secs_f64()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::codecommit::fixture::Repo;

    #[tokio::test]
    async fn a_repository_names_its_default_branch_once_it_has_one() {
        let repo = Repo::new();
        let answer = repo.ask("GetRepository", json!({})).await.unwrap();
        assert_eq!(answer["repositoryMetadata"]["defaultBranch"], Value::Null);
        repo.commit("main", &[]);
        let answer = repo.ask("GetRepository", json!({})).await.unwrap();
        let metadata = &answer["repositoryMetadata"];
        assert_eq!(metadata["defaultBranch"], "main");
        assert_eq!(
            metadata["Arn"],
            "arn:aws:codecommit:us-east-1:123456789012:demo"
        );
        assert!(metadata["lastModifiedDate"].as_f64().unwrap() > 1.7e9);
    }

    #[tokio::test]
    async fn repositories_are_listed_in_the_order_asked_for() {
        let repo = Repo::sampler();
        repo.service
            .add_repository("Another", &repo.path())
            .unwrap();
        let names = async |input: Value| {
            let answer = repo
                .service
                .call("ListRepositories", input)
                .await
                .map_err(|e| e.code)?;
            let names = answer["repositories"].as_array().unwrap().iter();
            Ok::<_, String>(
                names
                    .map(|one| one["repositoryName"].clone())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(names(json!({})).await.unwrap(), ["Another", "demo"]);
        assert_eq!(
            names(json!({"order": "descending"})).await.unwrap(),
            ["demo", "Another"]
        );
        assert_eq!(
            names(json!({"order": "up"})).await.unwrap_err(),
            "InvalidOrderException"
        );
        assert_eq!(
            names(json!({"sortBy": "size"})).await.unwrap_err(),
            "InvalidSortByException"
        );
    }
}
