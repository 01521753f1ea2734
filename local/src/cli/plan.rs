//! What `try` sends: bodies for the intake queue, made of a repository's branches or read from a file.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::TryArgs;
use crate::codecommit::{describe, revision};
use crate::events::RepositoryEvent;

/// A repository under the name that the events call it by.
pub struct Served {
    pub name: String,
    pub path: PathBuf,
}

/// One message for the intake queue.
pub struct Message {
    pub body: String,
    /// The repository that it names, if it names one.
    pub repository: String,
    /// For a person.
    pub title: String,
}

/// What is pushed, and the repository it comes from.
pub struct Plan {
    pub served: Option<Served>,
    pub messages: Vec<Message>,
    /// What was decided for the user.
    pub notes: Vec<String>,
}

impl Plan {
    /// Works out what the arguments ask for.
    pub fn of(args: &TryArgs) -> anyhow::Result<Self> {
        match &args.events {
            Some(file) => Self::of_file(args, file),
            None => Self::of_repository(args),
        }
    }

    fn of_file(args: &TryArgs, file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        let event: Value = serde_json::from_str(&text)
            .with_context(|| format!("{} is not JSON", file.display()))?;
        let body = |record: &Value| record["body"].as_str().unwrap_or_default().to_owned();
        let bodies: Vec<String> = match event["Records"].as_array() {
            Some(records) => records.iter().map(body).collect(),
            None if event.get("detail-type").is_some() => vec![event.to_string()],
            None => bail!(
                "{} is neither an SQS event (with `Records`) nor an EventBridge event \
                 (with `detail-type`); `events/` has examples of the first",
                file.display()
            ),
        };
        ensure!(!bodies.is_empty(), "{} has no message", file.display());
        // The events may speak of the sample repository alone; then no other is needed.
        let served = match served(args) {
            Ok(served) => Some(served),
            Err(_) if args.path == Path::new(".") => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            served,
            messages: bodies.into_iter().map(Message::of_body).collect(),
            notes: Vec::new(),
        })
    }

    fn of_repository(args: &TryArgs) -> anyhow::Result<Self> {
        let served = served(args)?;
        let path = &served.path;
        let about = describe(path)?;
        if about.branches.is_empty() && revision(path, "HEAD").is_err() {
            bail!("{} has no commit yet", path.display());
        }
        let mut notes = Vec::new();
        let mut pushes = about.branches.clone();
        if !args.all_branches {
            let head = about.head.as_deref();
            let current = head.and_then(|head| head.strip_prefix("refs/heads/"));
            let commit = match (&args.commit, args.branch.as_deref().or(current)) {
                (Some(commit), _) => revision(path, commit)?.0,
                (None, None) => revision(path, "HEAD")?.0,
                (None, Some(branch)) => {
                    let known: Vec<_> = pushes.keys().map(String::as_str).collect();
                    let known = known.join(", ");
                    pushes.remove(branch).with_context(|| {
                        format!("there is no branch {branch}; there are {known}")
                    })?
                }
            };
            // CI systems check out a commit without a branch: it is pushed as one that says so.
            let branch = args.branch.as_deref().or(current).unwrap_or_else(|| {
                notes.push(
                    "HEAD is on no branch: its commit is pushed as the branch detached \
                     (--branch NAME --commit HEAD gives another name)"
                        .to_owned(),
                );
                "detached"
            });
            pushes = [(branch.to_owned(), commit)].into();
        }
        if pushes.is_empty() {
            bail!("{} has no branch with a commit to push", path.display());
        }
        let message = |(branch, commit): (&String, &String)| -> anyhow::Result<Message> {
            let (commit, old) = revision(path, commit)?;
            Ok(Message::push(&served.name, branch, &commit, old.as_deref()))
        };
        let messages = pushes.iter().map(message).collect::<Result<_, _>>()?;
        Ok(Self {
            served: Some(served),
            messages,
            notes,
        })
    }
}

impl Message {
    /// The push of a branch, which is new without `old`.
    pub fn push(repository: &str, branch: &str, commit: &str, old: Option<&str>) -> Self {
        let event = RepositoryEvent::pushed(repository, branch, commit, old);
        Self::of_body(event.json().to_string())
    }

    fn of_body(body: String) -> Self {
        let event: Value = serde_json::from_str(&body).unwrap_or_default();
        let text = |field: &str| event["detail"][field].as_str();
        let title = match (text("event"), text("referenceFullName"), text("commitId")) {
            (_, Some(reference), Some(commit)) => {
                format!("{reference} at {}", commit.get(..10).unwrap_or(commit))
            }
            (Some(event), Some(reference), None) => format!("{event} {reference}"),
            (Some(event), None, _) => event.to_owned(),
            _ => format!("{:.60}", body.replace('\n', " ")),
        };
        Self {
            repository: text("repositoryName").unwrap_or("no repository").to_owned(),
            title,
            body,
        }
    }
}

fn served(args: &TryArgs) -> anyhow::Result<Served> {
    let about = match describe(&args.path) {
        Ok(about) => about,
        Err(error) if gix::discover::upwards(&args.path).is_ok() => return Err(error),
        // The cause says the same once more.
        Err(_) => bail!(
            "{} is not in a Git repository; `cargo local try PATH` takes another folder",
            args.path
                .canonicalize()
                .unwrap_or(args.path.clone())
                .display()
        ),
    };
    Ok(Served {
        name: args.repository.clone().unwrap_or(about.repository_name),
        path: args.path.clone(),
    })
}
