//! What became of each push, judged by Git and by a zip reader of its own.

use std::collections::{BTreeMap, HashMap};
use std::io::{Cursor, Read as _};

use anyhow::Context as _;

use super::history::{History, Push, Repository};
use crate::aws::LocalAws;
use crate::codebuild::Build;

/// Counts of what must not be; all zero, all is well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Pushes that were sent.
    pub pushes: usize,
    /// Pushes without a build.
    pub lost: usize,
    /// Builds beyond the first of a push, and builds of no push.
    pub doubled: usize,
    /// Builds that were started before one of an earlier push of the same branch.
    pub out_of_order: usize,
    /// Builds whose bundle is not exactly the commit.
    pub inexact: usize,
    /// Messages in the dead-letter queue, which are not lost.
    pub dead_letters: usize,
}

impl Verdict {
    /// Whether every push has what it was promised.
    pub fn is_good(&self) -> bool {
        let Self {
            lost,
            doubled,
            out_of_order,
            inexact,
            ..
        } = self;
        lost + doubled + out_of_order + inexact == 0
    }

    /// Judges the builds; `events` are the ids of the pushes' events.
    ///
    /// # Errors
    /// When Git or the file system fails.
    pub fn of(
        history: &History,
        events: &[String],
        aws: &LocalAws,
        bucket: &str,
    ) -> anyhow::Result<Self> {
        let numbers: HashMap<&str, usize> = events
            .iter()
            .enumerate()
            .map(|(number, event)| (event.as_str(), number))
            .collect();
        let mut verdict = Self {
            pushes: events.len(),
            ..Self::default()
        };
        let mut built = vec![false; events.len()];
        // The newest push that was built of each branch.
        let mut newest: BTreeMap<(usize, &str), usize> = BTreeMap::new();
        let newest_versions: HashMap<String, String> = aws
            .s3()
            .objects(bucket)
            .into_iter()
            .map(|object| (object.key, object.version_id))
            .collect();
        for build in aws.codebuild().builds() {
            let event = build.variable("PUSH_EVENT_ID").unwrap_or_default();
            let Some(&number) = numbers.get(event) else {
                verdict.doubled += 1;
                continue;
            };
            if std::mem::replace(&mut built[number], true) {
                verdict.doubled += 1;
                continue;
            }
            let push = &history.pushes[number];
            let last = newest
                .entry((push.repository, &push.branch))
                .or_insert(number);
            verdict.out_of_order += usize::from(number < *last);
            *last = number.max(*last);
            let repository = &history.repositories[push.repository];
            let exact = is_exact(&build, push, repository, aws, &newest_versions)?;
            verdict.inexact += usize::from(!exact);
        }
        verdict.lost = built.iter().filter(|built| !**built).count();
        Ok(verdict)
    }
}

/// Whether the build's bundle, in its very version, holds the commit's files and nothing else.
fn is_exact(
    build: &Build,
    push: &Push,
    repository: &Repository,
    aws: &LocalAws,
    newest: &HashMap<String, String>,
) -> anyhow::Result<bool> {
    let Some((bucket, key)) = build
        .source_location
        .as_deref()
        .and_then(|location| location.split_once('/'))
    else {
        return Ok(false);
    };
    let version = build.source_version.as_ref();
    if build.source_type != "S3"
        || build.variable("COMMIT_ID") != Some(&push.commit)
        || version.is_none_or(|version| newest.get(key) != Some(version))
    {
        return Ok(false);
    }
    let zip = std::fs::read(aws.s3().path(bucket, key))
        .with_context(|| format!("reading the bundle {key}"))?;
    let Ok(in_bundle) = entries_of(&zip) else {
        return Ok(false);
    };
    let listing = repository.git(&["ls-tree", "-r", "-z", &push.commit], &[])?;
    let in_commit: BTreeMap<String, (u32, String)> = String::from_utf8(listing)?
        .split_terminator('\0')
        .map(|line| {
            let (meta, path) = line.split_once('\t').context("a path")?;
            let [mode, _, id] = meta.split(' ').collect::<Vec<_>>()[..] else {
                anyhow::bail!("git says {line}");
            };
            let mode = match mode {
                "120000" => 0o120_777,
                _ => u32::from_str_radix(mode, 8)?,
            };
            Ok((path.to_owned(), (mode, id.to_owned())))
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(in_bundle == in_commit)
}

/// Files and links: modes, and the ids that Git gives their contents.
fn entries_of(zip: &[u8]) -> anyhow::Result<BTreeMap<String, (u32, String)>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(zip))?;
    let mut entries = BTreeMap::new();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index)?;
        let name = file.name()?.into_owned();
        if name.ends_with('/') {
            continue;
        }
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, &content)?;
        let mode = file.unix_mode().context("no mode")?;
        let twice = entries.insert(name, (mode, id.to_string()));
        anyhow::ensure!(twice.is_none(), "a name is there twice");
    }
    Ok(entries)
}
