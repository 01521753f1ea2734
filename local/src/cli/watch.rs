//! `--watch`: the commits that are made in a repository while it is looked at.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::plan::Message;
use crate::codecommit::describe;

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
            branches: describe(path)?.branches,
        })
    }

    /// Waits for branches that are new or at another commit, and makes their pushes.
    pub async fn next(&mut self, repository: &str) -> anyhow::Result<Vec<Message>> {
        loop {
            let messages = self.look(repository)?;
            if !messages.is_empty() {
                return Ok(messages);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    fn look(&mut self, repository: &str) -> anyhow::Result<Vec<Message>> {
        let now = describe(&self.path)?.branches;
        let moved = now.iter().filter_map(|(branch, commit)| {
            let old = self.branches.get(branch);
            (old != Some(commit)).then(|| {
                let old = old.map(String::as_str);
                Message::push(repository, branch, commit, old)
            })
        });
        let messages = moved.collect();
        self.branches = now;
        Ok(messages)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codecommit::fixture::Repo;

    #[test]
    fn a_deleted_branch_is_no_push_and_one_made_again_is() {
        let repo = Repo::sampler();
        repo.git.git(&["branch", "x"]);
        let mut watch = Watch::begin(repo.git.path()).unwrap();
        repo.git.git(&["branch", "--delete", "--force", "x"]);
        assert!(watch.look("demo").unwrap().is_empty());
        repo.git.git(&["branch", "x"]);
        assert_eq!(watch.look("demo").unwrap().len(), 1);
    }
}
