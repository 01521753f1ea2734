//! Whatever a base bundle is like, the push is built, and its bundle is exact.

use std::io::{Cursor, Read as _, Write as _};

use crate::setup::prelude::*;
use crate::setup::project::{built_once, project, update};
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Stores other bytes as the only bundle, with this format in its metadata.
async fn replace(world: &World, bytes: Vec<u8>, format: &str) {
    let credentials = aws_sdk_s3::config::Credentials::new("TEST", "none", None, None, "test");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .http_client(pushbuild::aws::connections::Connections::prepare())
        .endpoint_url(&world.aws.endpoint)
        .force_path_style(true)
        .region(aws_sdk_s3::config::Region::new("eu-west-1"))
        .credentials_provider(credentials);
    let client = aws_sdk_s3::Client::from_conf(config.build());
    let bucket = &world.deployment.bucket;
    let bundle = world.aws.s3.objects(bucket).remove(0);
    let mut metadata = bundle.metadata;
    metadata.insert("format".to_owned(), format.to_owned());
    let put = client.put_object().bucket(bucket).key(bundle.key);
    let put = put.set_metadata(Some(metadata.into_iter().collect()));
    put.body(bytes.into()).send().await.unwrap();
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

/// The bundle as the version before would have written it: compressed otherwise, and with Info-ZIP's
/// extended timestamps. `change` is made to each content, while the ids stay.
fn rewritten(bundle: &[u8], change: fn(&mut Vec<u8>)) -> Vec<u8> {
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
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        if !name.ends_with('/') {
            change(&mut content);
        }
        earlier.start_file(name, options).unwrap();
        earlier.write_all(&content).unwrap();
    }
    earlier.finish().unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_is_damaged_or_out_of_reach_or_of_another_format_falls_back_to_fetching() {
    type Damage = fn(&mut Vec<u8>);
    let none: Damage = |_| {};
    let half: Damage = |bytes| bytes.truncate(bytes.len() / 2);
    let contents: Damage = |bytes| {
        let directory = directory_of(bytes);
        garble(bytes[..directory].iter_mut().step_by(50));
    };
    let directory: Damage = |bytes| {
        let directory = directory_of(bytes);
        garble(bytes[directory..].iter_mut().skip(70).step_by(200));
    };
    let out_of_reach = vec![denied("GetObject"), denied("ListObjectsV2")];
    let on_the_way = vec![flipped_bit("GetObject")];
    let contents_of_others: Damage = |bytes| {
        *bytes = rewritten(bytes, |content| content.push(b'x'));
    };
    let damages: [(&str, Damage, &str, Vec<Rule>); 9] = [
        ("truncated", half, "2", vec![]),
        ("empty", Vec::clear, "2", vec![]),
        ("garbled contents", contents, "2", vec![]),
        ("garbled directory", directory, "2", vec![]),
        ("other contents", contents_of_others, "2", vec![]),
        ("other ids", |bytes| name_other_ids(bytes), "2", vec![]),
        ("another format", none, "0", vec![]),
        ("out of reach", none, "2", out_of_reach),
        ("a bit on the way", none, "2", on_the_way),
    ];
    for (what, damage, format, faults) in damages {
        let (world, repository, first) = built_once().await;
        let mut bytes = world.bundle_of(&world.build());
        damage(&mut bytes);
        replace(&world, bytes, format).await;
        for fault in faults {
            world.fault(fault);
        }
        let second = repository.commit("main", project(&[("docs/1/5", "changed")]));
        update(&world, &repository, &second, &first).await;
        let log = world.log();
        assert!(log.contains("\"level\":\"WARN\""), "{what}: {log}");
        let fetched = world.calls(Service::CodeCommit, "GetFile");
        assert!(fetched > 1, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_versions_bundle_is_taken_over_and_leaves_no_trace_in_the_bytes() {
    let (world, repository, first) = built_once().await;
    let bytes = world.bundle_of(&world.build());
    let earlier = rewritten(&bytes, |_| {});
    assert_ne!(earlier, bytes);
    replace(&world, earlier, "1").await;
    let second = repository.commit("main", project(&[("docs/1/5", "changed")]));
    world.serve("fresh", &repository);
    world.aws.calls.clear();
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
