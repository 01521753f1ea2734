//! The repository that the events in `events/` speak of, built anew for each run.

use std::io::Write as _;
use std::process::{Command, Stdio};

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
    let mut shell = Command::new("sh")
        .args(["-s", "--"])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .context("no `sh` to build the sample repository with")?;
    if let Some(mut input) = shell.stdin.take() {
        input.write_all(SCRIPT.as_bytes())?;
    }
    let built = shell.wait_with_output()?;
    ensure!(
        built.status.success(),
        "git could not build the sample repository: {}",
        String::from_utf8_lossy(&built.stderr)
    );
    codecommit.add_repository(NAME, &path)?;
    Ok(folder)
}
