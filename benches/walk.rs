//! The walk: 522 folders listed by the local AWS over HTTP without any latency, which is what the
//! calls cost in processor time; and what of that is hashing.
//! `cargo bench --workspace --bench walk`

#![allow(missing_docs, reason = "a benchmark's functions say what they measure")]

use std::collections::HashMap;
use std::path::Path;
use std::process::Command;

use divan::Bencher;
use divan::counter::ItemsCount;
use gix_hash::ObjectId;
use pushbuild::aws::Aws;
use pushbuild::aws::codecommit::{CallCounts, Repository};
use pushbuild::aws::connections::Connections;
use pushbuild::base::Bases;
use pushbuild::config::Config;
use pushbuild::git::{self, TreeEntry};
use pushbuild::tree::{self, Tree};
use pushbuild_local::aws::{LocalAws, Options};
use tokio::runtime::Runtime;

/// The commit, for the process that measures.
const COMMIT: &str = "PUSHBUILD_BENCH_COMMIT";

/// Files in 500 folders, in 20 folders, in one.
const FILES: &str = "5000";

fn main() -> anyhow::Result<()> {
    if std::env::var_os(COMMIT).is_some() {
        divan::main();
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("repository");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/repository.sh");
    let built = Command::new(script).arg(&path).arg(FILES).status()?;
    anyhow::ensure!(built.success(), "no repository to walk");
    let head = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(&path)
        .output()?
        .stdout;
    // The SDK reads its endpoint from the environment, so another process measures.
    let runtime = Runtime::new()?;
    let aws = runtime.block_on(LocalAws::start(Options::new(folder.path().join("s3"))))?;
    aws.codecommit().add_repository("bench", &path)?;
    let status = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .envs(aws.environment())
        .env(COMMIT, String::from_utf8(head)?.trim())
        .status()?;
    anyhow::ensure!(status.success(), "{status}");
    Ok(())
}

/// A repository of the local AWS, and the commit and its root tree.
async fn repository() -> anyhow::Result<(Aws, Repository, ObjectId, ObjectId)> {
    let required = |variable: &str| match variable {
        "CODE_BUCKET" | "REPOSITORIES" => Some("bench".to_owned()),
        _ => None,
    };
    let config = Config::read(required)?;
    let aws = Aws::connect(&config, Connections::prepare()).await;
    let client = aws.codecommit("eu-west-1", None).await;
    let repository = client.repository("bench", CallCounts::default());
    let commit = ObjectId::from_hex(std::env::var(COMMIT)?.as_bytes())?;
    let root = repository.root_tree(&commit).await?;
    Ok((aws, repository, commit, root))
}

async fn walked() -> anyhow::Result<Tree> {
    let (aws, repository, commit, root) = repository().await?;
    tree::walk(
        &repository,
        &Bases::default(),
        aws.trees.reservation(),
        commit,
        root,
    )
    .await
    .map_err(|error| anyhow::anyhow!("{error:?}"))
}

#[divan::bench(sample_count = 20)]
fn walk_522_folders(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().expect("a runtime");
    let (aws, repository, commit, root) = runtime.block_on(repository()).expect("a repository");
    let bases = Bases::default();
    bencher.counter(ItemsCount::new(522_u32)).bench_local(|| {
        runtime
            .block_on(tree::walk(
                &repository,
                &bases,
                aws.trees.reservation(),
                commit,
                root,
            ))
            .is_ok()
    });
}

#[divan::bench]
fn hash_522_folders(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().expect("a runtime");
    let tree = runtime.block_on(walked()).expect("a tree");
    let mut folders: HashMap<String, Vec<TreeEntry>> = HashMap::new();
    for entry in tree.entries.iter() {
        let (folder, name) = entry.path.rsplit_once('/').unwrap_or(("", entry.path));
        folders
            .entry(folder.to_owned())
            .or_default()
            .push(TreeEntry {
                name: name.to_owned(),
                kind: entry.kind,
                id: entry.id,
            });
    }
    bencher
        .counter(ItemsCount::new(folders.len()))
        .bench_local(|| {
            folders
                .values()
                .filter(|entries| git::tree_id(entries).is_ok())
                .count()
        });
}
