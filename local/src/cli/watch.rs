//! `--watch`: the commits that are made in a repository while it is looked at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::plan::Message;
use crate::aws::Options;
use crate::codecommit::describe;
use crate::events::RepositoryEvent;

/// How often the branches are looked at.
const INTERVAL: Duration = Duration::from_millis(300);

/// A repository's branches, as they were when they were last looked at.
pub struct Watch {
    path: PathBuf,
    branches: BTreeMap<String, String>,
}

impl Watch {
    /// Begins with the branches as they are.
    pub fn begin(path: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            branches: describe(path)?.branches.into_iter().collect(),
        })
    }

    /// Waits for branches that are new or at another commit, and makes their pushes.
    pub async fn next(&mut self, repository: &str, aws: &Options) -> anyhow::Result<Vec<Message>> {
        loop {
            let messages = self.look(repository, aws)?;
            if !messages.is_empty() {
                return Ok(messages);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    fn look(&mut self, repository: &str, aws: &Options) -> anyhow::Result<Vec<Message>> {
        let now: BTreeMap<String, String> = describe(&self.path)?.branches.into_iter().collect();
        let moved = now
            .iter()
            .filter(|(branch, commit)| self.branches.get(*branch) != Some(commit));
        let messages = moved
            .map(|(branch, commit)| {
                let name = format!("refs/heads/{branch}");
                let event = match self.branches.get(branch) {
                    Some(old) => RepositoryEvent::updated(repository, &name, commit, old),
                    None => RepositoryEvent::created(repository, &name, commit),
                };
                let event = event.from(&aws.account, &aws.region, SystemTime::now());
                Message::of_body(event.json().to_string())
            })
            .collect();
        self.branches = now;
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codecommit::fixture::Repo;

    #[test]
    fn a_branch_that_is_new_or_moved_is_pushed_once() {
        let repo = Repo::sampler();
        let old = repo.git(["rev-parse", "main"]);
        let aws = Options::new("unused");
        let mut watch = Watch::begin(&repo.path()).unwrap();
        assert_eq!(watch.look("demo", &aws).unwrap().len(), 0);
        let new = repo.commit("main", &[("100644", b"x", b"x")]);
        repo.git(["branch", "feature/x", &old]);
        let pushes = watch.look("demo", &aws).unwrap();
        let events: Vec<serde_json::Value> = pushes
            .iter()
            .map(|push| serde_json::from_str(&push.body).unwrap())
            .collect();
        let detail = |event: &serde_json::Value, field: &str| event["detail"][field].clone();
        assert_eq!(detail(&events[0], "referenceName"), "feature/x");
        assert_eq!(detail(&events[0], "event"), "referenceCreated");
        assert_eq!(detail(&events[1], "commitId"), new);
        assert_eq!(detail(&events[1], "oldCommitId"), old);
        repo.git(["branch", "-D", "-q", "feature/x"]);
        assert_eq!(watch.look("demo", &aws).unwrap().len(), 0);
    }
}
