//! The way through programs that every machine has.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use tempfile::TempDir;

/// Git's answer in a repository.
pub fn git(path: &Path, args: &[&str]) -> anyhow::Result<Vec<u8>> {
    run(Command::new("git").arg("-C").arg(path).args(args))
}

/// What the original's build project does with a push, from `file://` and so without a network;
/// the folder that `bundle.zip` is in.
pub fn clone_and_zip(path: &Path) -> anyhow::Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let url = format!("file://{}", path.canonicalize()?.display());
    run(Command::new("git")
        .args(["clone", "--quiet", "--depth", "10", &url, "clone"])
        .current_dir(folder.path()))?;
    let clone = folder.path().join("clone");
    std::fs::remove_dir_all(clone.join(".git"))?;
    run(Command::new("zip")
        .args(["--recurse-paths", "--quiet", "../bundle.zip", "."])
        .current_dir(&clone))?;
    Ok(folder)
}

/// A program that has to succeed.
pub fn run(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let output = command
        .output()
        .with_context(|| format!("the benchmark needs {}", command.get_program().display()))?;
    ensure!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(output.stdout)
}
