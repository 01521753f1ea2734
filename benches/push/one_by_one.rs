//! The way of the readers of the public API, with pushbuild's own adapters: one call after the other.

use pushbuild::aws::Aws;
use pushbuild::aws::codecommit::CallCounts;
use pushbuild::aws::connections::Connections;
use pushbuild::aws::s3::Label;
use pushbuild::bundle::{BundleWriter, Content, compress, verify, zip_time};
use pushbuild::config::Config;
use pushbuild::git::{Entry, EntryKind};

use crate::floor::object_id;

/// Fetches a commit as the readers of the public API do, and stores its bundle.
///
/// # Errors
///
/// Whatever goes wrong.
pub async fn fetch(bucket: &str, name: &str, commit: &str) -> anyhow::Result<()> {
    let config = Config::read(|variable| match variable {
        "CODE_BUCKET" => Some(bucket.to_owned()),
        "REPOSITORIES" => Some(name.to_owned()),
        _ => None,
    })
    .map_err(|error| anyhow::anyhow!("{error}"))?;
    let aws = Aws::connect(&config, Connections::prepare()).await;
    let client = aws.codecommit("eu-west-1", None).await;
    let repository = client.repository(name, CallCounts::default());
    let commit = object_id(commit)?;
    let tree = repository.root_tree(&commit).await?;
    let mut entries = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in repository.folder(&commit, &folder).await? {
            let path = if folder.is_empty() {
                entry.name
            } else {
                format!("{folder}/{}", entry.name)
            };
            if entry.kind == EntryKind::Folder {
                folders.push(path.clone());
            }
            let (kind, id) = (entry.kind, entry.id);
            entries.push(Entry { path, kind, id });
        }
    }
    entries.sort_unstable_by(|a, b| a.name_bytes().cmp(b.name_bytes()));
    let label = Label {
        event_id: "one-by-one".to_owned(),
        commit,
        tree,
    };
    let key = format!("{name}/one-by-one.zip");
    let mut upload = aws.bundles.upload(&key, &format!("{key}.partial"), &label);
    let time = zip_time(time::OffsetDateTime::UNIX_EPOCH);
    let mut writer = BundleWriter::new(time);
    let budget = aws.memory.bundle();
    for (position, entry) in entries.iter().enumerate() {
        budget.advance(position);
        let reservation = std::sync::Arc::new(budget.reservation(position));
        let raw = match entry.kind {
            EntryKind::Link => Some(repository.blob(&entry.id, &reservation).await?),
            EntryKind::File | EntryKind::Executable => {
                Some(repository.file(&commit, &entry.path, &reservation).await?)
            }
            EntryKind::Folder | EntryKind::Submodule => None,
        };
        let content = match raw {
            Some(raw) => {
                verify(&raw, &entry.id).map_err(anyhow::Error::msg)?;
                Content::Compressed(Box::new(compress(entry, &raw, time)?))
            }
            None => Content::None,
        };
        writer.add(entry, content)?;
        upload.write(&writer.take()).await?;
    }
    let (sender, chunks) = std::sync::mpsc::channel();
    writer.finish(&commit, move |chunk| {
        sender.send(chunk).map_err(std::io::Error::other)
    })?;
    for chunk in chunks {
        upload.write(&chunk).await?;
    }
    upload.finish().await?;
    Ok(())
}
