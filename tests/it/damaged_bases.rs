//! Whatever a base bundle is like, the push is built, and its bundle is exact.

use std::io::Cursor;

use crate::setup::prelude::*;
use crate::setup::project::{built_once, commit, project, update};
use zip::{CompressionMethod, ZipArchive, ZipWriter};

const BUCKET: &str = "pushbuild-bundles";

/// Stores other bytes under the first bundle's key, under its metadata but for what `change` says.
async fn replace(world: &World, first: &str, bytes: Vec<u8>, change: Option<(&str, &str)>) {
    let credentials = aws_sdk_s3::config::Credentials::new("TEST", "none", None, None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .http_client(pushbuild::aws::connections::Connections::prepare())
        .endpoint_url(world.aws.endpoint())
        .force_path_style(true)
        .region(aws_sdk_s3::config::Region::new("eu-west-1"))
        .credentials_provider(credentials);
    let client = aws_sdk_s3::Client::from_conf(config.build());
    let key = format!("shop/main/{first}.zip");
    let object = world.aws.s3().objects(BUCKET).remove(0);
    assert_eq!(object.key, key);
    let mut metadata = object.metadata;
    if let Some((name, value)) = change {
        metadata.insert(name.to_owned(), value.to_owned());
    }
    client
        .put_object()
        .bucket(BUCKET)
        .key(key)
        .set_metadata(Some(metadata.into_iter().collect()))
        .body(bytes.into())
        .send()
        .await
        .unwrap();
}

/// Whatever is done to the base, the push is built, exact, and the log warns.
async fn survives(what: &str, damage: impl AsyncFnOnce(&World, &str, Vec<u8>)) {
    let (world, repository, first) = built_once().await;
    let second = commit(&repository, &project(&[("docs/1/5", "changed")]));
    let bytes = world.bundle_of(&world.build());
    damage(&world, &first, bytes).await;
    update(&world, &repository, &second, &first).await;
    let log = world.log();
    assert!(log.contains("\"level\":\"WARN\""), "{what}: {log}");
    let fetched = world.calls(Service::CodeCommit, "GetFile");
    assert!(fetched > 1, "{what}");
}

/// Where the zip's directory begins.
fn directory_of(bytes: &[u8]) -> usize {
    let mut windows = bytes.windows(4);
    windows.position(|four| four == b"PK\x01\x02").unwrap()
}

fn garble<'a>(bytes: impl Iterator<Item = &'a mut u8>) {
    bytes.for_each(|byte| *byte ^= 0x10);
}

/// Every blob id one bit off, or on to another blob: the trees no longer hash to theirs.
fn name_other_ids(bytes: &mut [u8]) {
    for at in 0..bytes.len() - 5 {
        if bytes[at..].starts_with(b"blob ") {
            bytes[at + 5] = if bytes[at + 5] == b'0' { b'1' } else { b'0' };
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_base_falls_back_to_fetching() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [(&str, Damage); 5] = [
        ("truncated", |bytes| bytes.truncate(bytes.len() / 2)),
        ("empty", Vec::clear),
        ("garbled contents", |bytes| {
            let directory = directory_of(bytes);
            garble(bytes[..directory].iter_mut().step_by(50));
        }),
        ("garbled directory", |bytes| {
            let directory = directory_of(bytes);
            garble(bytes[directory..].iter_mut().skip(70).step_by(200));
        }),
        ("other ids", |bytes| name_other_ids(bytes)),
    ];
    for (what, damage) in damages {
        survives(what, async |world, first, mut bytes| {
            damage(&mut bytes);
            replace(world, first, bytes, None).await;
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_of_another_format_or_out_of_reach_or_damaged_on_the_way_falls_back_to_fetching() {
    survives("format", async |world, first, bytes| {
        replace(world, first, bytes, Some(("format", "0"))).await;
    })
    .await;
    survives("denied", async |world, _, _| {
        world.fault(denied("GetObject"));
        world.fault(denied("ListObjectsV2"));
    })
    .await;
    survives("a bit on the way", async |world, _, _| {
        world.fault(flipped_bit("GetObject"));
    })
    .await;
}

/// As the version before wrote it: compressed otherwise, and with Info-ZIP's extended timestamps.
fn as_an_earlier_version(bundle: &[u8]) -> Vec<u8> {
    let mut archive = ZipArchive::new(Cursor::new(bundle)).unwrap();
    let mut earlier = ZipWriter::new(Cursor::new(Vec::new()));
    earlier.set_raw_comment(archive.comment().into()).unwrap();
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).unwrap();
        let level = (file.compression() == CompressionMethod::Deflated).then_some(1);
        let options = file.options().into_full_options();
        let options = options
            .compression_level(level)
            .with_file_comment(file.comment())
            .with_extended_timestamp(Some(1_560_335_023), None, None)
            .unwrap();
        let name = file.name().unwrap().into_owned();
        earlier.start_file(name, options).unwrap();
        std::io::copy(&mut file, &mut earlier).unwrap();
    }
    earlier.finish().unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_versions_bundle_is_taken_over_and_leaves_no_trace_in_the_bytes() {
    let (world, repository, first) = built_once().await;
    let bytes = world.bundle_of(&world.build());
    let earlier = as_an_earlier_version(&bytes);
    assert_ne!(earlier, bytes);
    replace(&world, &first, earlier, Some(("format", "1"))).await;
    let second = commit(&repository, &project(&[("docs/1/5", "changed")]));
    world.serve("fresh", &repository);
    world.aws.calls().clear();
    let mut bundles = Vec::new();
    for name in ["shop", "fresh"] {
        world.send(name, "main", &second, Some(&first));
        world.settle().await;
        if name == "shop" {
            assert_eq!(world.calls(Service::CodeCommit, "GetFile"), 1);
            assert_eq!(world.calls(Service::CodeCommit, "GetFolder"), 0);
        }
        world.assert_built(&repository, &second);
        bundles.push(world.bundle_of(&world.builds().pop().unwrap()));
    }
    // The clock stands still: both events have one time.
    assert!(bundles[0] == bundles[1], "the bytes differ");
}
