//! What `try` sends: bodies for the intake queue, made of a repository's branches or read from a file.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, bail};
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
    /// The body.
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
    /// What was decided without being asked for.
    pub notes: Vec<String>,
}

impl Plan {
    /// Works out what the arguments ask for, as sent from this account and region.
    pub fn of(args: &TryArgs, account: &str, region: &str) -> anyhow::Result<Self> {
        match &args.events {
            Some(file) => Self::of_file(args, file),
            None => Self::of_repository(args, account, region),
        }
    }

    fn of_file(args: &TryArgs, file: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("{} cannot be read", file.display()))?;
        let event: Value = serde_json::from_str(&text)
            .with_context(|| format!("{} is not JSON", file.display()))?;
        let bodies: Vec<String> = match event.get("Records").and_then(Value::as_array) {
            Some(records) => records
                .iter()
                .map(|record| record["body"].as_str().unwrap_or_default().to_owned())
                .collect(),
            None if event.get("detail-type").is_some() => vec![event.to_string()],
            None => bail!(
                "{} is neither an SQS event (with `Records`) nor an EventBridge event \
                 (with `detail-type`); see events/ for both",
                file.display()
            ),
        };
        // The events may speak of the sample repository alone; then no other is needed.
        let served = match served(args) {
            Ok(served) => Some(served),
            Err(_) if args.path == Path::new(".") => None,
            Err(error) => return Err(error),
        };
        let messages = bodies.into_iter().map(Message::of_body).collect();
        Ok(Self {
            served,
            messages,
            notes: Vec::new(),
        })
    }

    fn of_repository(args: &TryArgs, account: &str, region: &str) -> anyhow::Result<Self> {
        let served = served(args)?;
        let about = describe(&served.path)?;
        if about.commit.is_none() && about.branches.is_empty() {
            bail!("{} has no commit yet", served.path.display());
        }
        let tip = |branch: &str| {
            about
                .branches
                .iter()
                .find(|(name, _)| name == branch)
                .map(|(_, commit)| commit.clone())
        };
        let mut notes = Vec::new();
        let pushes: Vec<(String, String)> = if args.all_branches {
            about.branches.clone()
        } else {
            let (branch, is_detached) = match &args.branch {
                Some(branch) => (branch.clone(), false),
                None => current_branch(about.head.as_deref()),
            };
            if is_detached {
                notes.push(format!(
                    "HEAD is on no branch: its commit is pushed as the branch {branch} \
                     (--branch NAME --commit HEAD gives another name)"
                ));
            }
            let commit = match &args.commit {
                Some(commit) => revision(&served.path, commit)?.commit,
                None if is_detached => revision(&served.path, "HEAD")?.commit,
                None => tip(&branch).with_context(|| {
                    let known: Vec<_> = about
                        .branches
                        .iter()
                        .map(|(name, _)| name.as_str())
                        .collect();
                    format!(
                        "there is no branch {branch}; there are {}",
                        known.join(", ")
                    )
                })?,
            };
            vec![(branch, commit)]
        };
        if pushes.is_empty() {
            bail!(
                "{} has no branch with a commit to push",
                served.path.display()
            );
        }
        let now = SystemTime::now();
        let messages = pushes
            .into_iter()
            .map(|(branch, commit)| -> anyhow::Result<Message> {
                let full_name = format!("refs/heads/{branch}");
                let event = match revision(&served.path, &commit)?.parent {
                    Some(old) => RepositoryEvent::updated(&served.name, &full_name, &commit, &old),
                    None => RepositoryEvent::created(&served.name, &full_name, &commit),
                };
                let event = event.from(account, region, now);
                Ok(Message::of_body(event.json().to_string()))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            served: Some(served),
            messages,
            notes,
        })
    }
}

impl Message {
    pub fn of_body(body: String) -> Self {
        let event: Value = serde_json::from_str(&body).unwrap_or_default();
        let detail = &event["detail"];
        let text = |field: &str| detail[field].as_str();
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

/// The branch that HEAD is on. CI systems check out a commit without one: it is then pushed as a
/// branch that says so.
fn current_branch(head: Option<&str>) -> (String, bool) {
    match head.and_then(|head| head.strip_prefix("refs/heads/")) {
        Some(branch) => (branch.to_owned(), false),
        None => ("detached".to_owned(), true),
    }
}
