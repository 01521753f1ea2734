//! What the function says: when it cannot start, and in its log.

use std::process::Command;

use crate::setup::prelude::*;

#[test]
fn a_variable_that_is_missing_or_cannot_be_used_stops_the_start_by_name() {
    let repositories = ("REPOSITORIES", "*");
    let [intake, other] = ["intake", "bootstrap"].map(|name| ("_HANDLER", name));
    let bad = [
        ("CODE_BUCKET", "bundles"),
        repositories,
        ("UNBUNDLABLE", "maybe"),
    ];
    for (variables, reason) in [
        (&[repositories][..], "CODE_BUCKET is not set"),
        (&[repositories, other], "CODE_BUCKET is not set"),
        (&[repositories, intake], "PUSH_QUEUE_URL is not set"),
        (
            &bad,
            "UNBUNDLABLE=\"maybe\" cannot be used: it must be `codecommit` or `reject`",
        ),
    ] {
        let mut function = Command::new(env!("CARGO_BIN_EXE_pushbuild"));
        function.env_clear().envs(variables.iter().copied());
        let output = function.output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!output.status.success() && said.contains(reason), "{said}");
    }
}

/// What Git LFS leaves in a tree in place of a file.
fn lfs_pointer(number: u32) -> String {
    let spec = "version https://git-lfs.github.com/spec/v1";
    format!("{spec}\noid sha256:{number:064x}\nsize 12345\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushs_line_is_json_in_either_format_and_a_warning_follows_the_format() {
    // The warning is one for both pointers, which are bundled as they are.
    let readme = "see https://git-lfs.github.com/spec/v1\n".to_owned();
    let shop = Repository::of([
        ("a.psd", FILE, lfs_pointer(1)),
        ("b.psd", FILE, lfs_pointer(2)),
        ("README.md", FILE, readme),
    ]);
    for (format, pointers) in [("JSON", "\"pointers\":2"), ("Text", " pointers=2")] {
        let world = World::with_env(&[("AWS_LAMBDA_LOG_FORMAT", format)]).await;
        world.push_shop(&shop).await;
        world.assert_built(&shop.0, &shop.1);
        let line = &world.outcomes("built")[0];
        assert_eq!(line["level"], "INFO");
        assert!(line["timestamp"].is_string());
        assert_eq!(line["repository"], "shop");
        assert_eq!(line["commit"], shop.1.as_str());
        assert_eq!(line["FunctionName"], "pushbuild");
        let log = world.log();
        let warnings = log.lines().filter(|line| line.contains("Git LFS pointers"));
        let warnings: Vec<_> = warnings.collect();
        assert_eq!(warnings.len(), 1, "{log}");
        assert!(warnings[0].contains(pointers), "{warnings:?}");
        let parsed = serde_json::from_str::<serde_json::Value>(warnings[0]);
        assert_eq!(parsed.is_ok(), format == "JSON");
        if let Ok(warning) = parsed {
            assert_eq!(warning["level"], "WARN");
            assert!(warning["timestamp"].is_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_the_text_format_a_path_with_a_newline_forges_no_line() {
    let world = World::with_env(&[("AWS_LAMBDA_LOG_FORMAT", "Text")]).await;
    let path = "film\nERROR forged\x1b[31m.mp4";
    world
        .push_shop(&Repository::of([(path, FILE, vec![7; 6_291_457])]))
        .await;
    assert_eq!(world.build().source_type, "CODECOMMIT");
    let log = world.log();
    let escaped = r"film\nERROR forged\u{1b}[31m.mp4 is larger";
    assert!(log.contains(escaped), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("ERROR")), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_level_is_lambdas() {
    let world = World::with_env(&[("AWS_LAMBDA_LOG_LEVEL", "ERROR")]).await;
    world.push_shop(&Repository::small()).await;
    world.build();
    assert_eq!(world.log(), "");
}
