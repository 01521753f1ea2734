//! The repository that the events in `events/` speak of, built anew for each run.

use std::process::Command;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

use crate::codecommit::CodeCommit;

/// Its name in the events.
const NAME: &str = "sample";

const SCRIPT: &str = include_str!("../../sample-repository.sh");

/// Builds it with the `git` of this machine and serves it until the folder is dropped.
pub fn serve(codecommit: &CodeCommit) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join(NAME);
    let built = Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .arg(&path)
        .output()
        .context("no `sh` to build the sample repository with")?;
    ensure!(
        built.status.success(),
        "git could not build the sample repository: {}",
        String::from_utf8_lossy(&built.stderr)
    );
    codecommit.add_repository(NAME, &path)?;
    Ok(folder)
}
