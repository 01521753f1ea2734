//! What a way without a base is compared with: a client that knows nothing but the SDK makes the
//! calls of a push, as many at once as a push has in flight at most, and hashes and compresses what
//! comes, in no order and under no bound. It runs in a process of its own, as the function does.

use std::collections::VecDeque;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use aws_config::BehaviorVersion;
use aws_sdk_codebuild::types::SourceType;
use gix_hash::ObjectId;
use pushbuild::aws::connections::Connections;
use pushbuild::bundle::{compress, verify, zip_time};
use pushbuild::git::{Entry, EntryKind};
use time::OffsetDateTime;
use tokio::task::JoinSet;

use crate::shell;
use crate::ways::{BUCKET, Run, processor_time};

const IN_FLIGHT: usize = 192;

/// A bundle from here on goes up in parts while it is fetched, which is not measured here.
const LARGE: usize = 16 * 1024 * 1024;

/// Starts the process, whose environment leads to the local AWS, and reads what it measured.
pub fn of(endpoint: &str, repository: &str, commit: &str) -> anyhow::Result<Run> {
    let mut process = Command::new(std::env::current_exe()?);
    process
        .args(["--floor", repository, commit])
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_REGION", pushbuild_local::aws::REGION)
        .env("AWS_ACCESS_KEY_ID", "any")
        .env("AWS_SECRET_ACCESS_KEY", "key");
    let printed = String::from_utf8(shell::run(&mut process)?)?;
    let mut figures = printed.split_whitespace().map(str::parse);
    let mut next = || figures.next().context("a figure is missing");
    Ok(Run {
        wall: Duration::from_micros(next()??),
        function: Duration::from_micros(next()??),
        ..Run::default()
    })
}

/// What that process does. The first time opens the connections.
pub async fn measure(repository: &str, commit: &str) -> anyhow::Result<()> {
    let sdk = aws_config::defaults(BehaviorVersion::latest())
        .http_client(Connections::prepare())
        .load()
        .await;
    let client = Arc::new(Client {
        codecommit: aws_sdk_codecommit::Client::new(&sdk),
        s3: aws_sdk_s3::Client::new(&sdk),
        codebuild: aws_sdk_codebuild::Client::new(&sdk),
        repository: repository.to_owned(),
        commit: commit.to_owned(),
    });
    client.push().await?;
    let this = Path::new("/proc/self");
    let (begun, used) = (Instant::now(), processor_time(this));
    client.push().await?;
    let wall = begun.elapsed();
    let used = processor_time(this).saturating_sub(used);
    println!("{} {}", wall.as_micros(), used.as_micros());
    Ok(())
}

struct Client {
    codecommit: aws_sdk_codecommit::Client,
    s3: aws_sdk_s3::Client,
    codebuild: aws_sdk_codebuild::Client,
    repository: String,
    commit: String,
}

/// A call that is to be made.
enum Call {
    Folder(String),
    File(String, ObjectId),
}

impl Client {
    async fn push(self: &Arc<Self>) -> anyhow::Result<()> {
        let project = self.codebuild.list_builds_for_project();
        let commit = self.codecommit.get_commit().commit_id(&self.commit);
        let bundles = self.s3.list_objects_v2().bucket(BUCKET).prefix("floor/");
        let (project, commit, bundles) = tokio::join!(
            project.project_name("floor").send(),
            commit.repository_name(&self.repository).send(),
            bundles.send()
        );
        project?;
        commit?;
        bundles?;

        let mut waiting = VecDeque::from([Call::Folder(String::new())]);
        let mut in_flight = JoinSet::new();
        let mut bytes = 0;
        loop {
            while in_flight.len() < IN_FLIGHT
                && let Some(call) = waiting.pop_front()
            {
                in_flight.spawn(self.clone().send(call));
            }
            let Some(answered) = in_flight.join_next().await else {
                break;
            };
            let (calls, compressed) = answered??;
            bytes += compressed;
            for call in calls {
                match call {
                    Call::Folder(_) => waiting.push_front(call),
                    Call::File(..) => waiting.push_back(call),
                }
            }
        }
        if bytes < LARGE {
            let bundle = self.s3.put_object().bucket(BUCKET).key("floor.zip");
            bundle.body(vec![0; bytes].into()).send().await?;
        }
        let build = self.codebuild.start_build().project_name("floor");
        build
            .source_type_override(SourceType::S3)
            .source_location_override(format!("{BUCKET}/floor.zip"))
            .send()
            .await?;
        Ok(())
    }

    /// The calls that a call leads to, and the bytes of what was compressed.
    async fn send(self: Arc<Self>, call: Call) -> anyhow::Result<(Vec<Call>, usize)> {
        let (path, id) = match call {
            Call::Folder(path) => {
                let folder = self.codecommit.get_folder().folder_path(path);
                let folder = folder.repository_name(&self.repository);
                let folder = folder.commit_specifier(&self.commit).send().await?;
                let path = |path: Option<&str>| path.unwrap_or_default().to_owned();
                let folders = folder.sub_folders().iter();
                let folders = folders.map(|folder| Ok(Call::Folder(path(folder.absolute_path()))));
                let files = folder.files().iter().map(|file| {
                    let id = ObjectId::from_hex(file.blob_id().unwrap_or_default().as_bytes())?;
                    Ok(Call::File(path(file.absolute_path()), id))
                });
                return Ok((folders.chain(files).collect::<anyhow::Result<_>>()?, 0));
            }
            Call::File(path, id) => (path, id),
        };
        let file = self.codecommit.get_file().file_path(&path);
        let file = file.repository_name(&self.repository);
        let file = file.commit_specifier(&self.commit).send().await?;
        let raw = file.file_content.into_inner();
        verify(&raw, &id).map_err(anyhow::Error::msg)?;
        let (path, kind) = (&*path, EntryKind::Blob);
        let time = zip_time(OffsetDateTime::UNIX_EPOCH);
        let file = compress(&Entry { path, kind, id }, &raw, time)?;
        Ok((Vec::new(), usize::try_from(file.compressed_size())?))
    }
}
