//! What the function says when it cannot start, and when it is asked for what it cannot answer.

use std::process::Command;

use crate::setup::prelude::*;

fn start_with(variables: &[(&str, &str)]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_pushbuild"))
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn a_missing_bucket_stops_the_start_by_name() {
    let (started, said) = start_with(&[]);
    assert!(!started);
    assert!(said.contains("CODE_BUCKET is not set"), "{said}");
}

#[test]
fn a_bad_value_stops_the_start_with_what_is_accepted() {
    let (started, said) = start_with(&[
        ("CODE_BUCKET", "bundles"),
        ("REPOSITORIES", "*"),
        ("UNBUNDLABLE", "maybe"),
    ]);
    assert!(!started);
    assert!(
        said.contains("UNBUNDLABLE=\"maybe\"") && said.contains("`codecommit` or `reject`"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushs_line_is_json_in_either_format_and_a_warning_follows_the_format() {
    let shop = Repository::of(&[(b"a", Mode::File, &lfs_pointer(1))]);
    for (format, is_json) in [("JSON", true), ("Text", false)] {
        let world = World::with_env(&[("AWS_LAMBDA_LOG_FORMAT", format)]).await;
        world.push_shop(&shop).await;
        let line = &world.outcomes("built")[0];
        assert_eq!(line["level"], "INFO");
        assert!(line["timestamp"].is_string());
        assert_eq!(line["repository"], "shop");
        assert_eq!(line["commit"], shop.1.as_str());
        assert_eq!(line["FunctionName"], "pushbuild");
        let log = world.log();
        let mut lines = log.lines();
        let warning = lines.find(|line| line.contains("Git LFS pointers"));
        let warning = warning.unwrap();
        let parsed = serde_json::from_str::<serde_json::Value>(warning);
        assert_eq!(parsed.is_ok(), is_json, "{warning}");
        if let Ok(warning) = parsed {
            assert_eq!(warning["level"], "WARN");
            assert!(warning["timestamp"].is_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_level_is_lambdas() {
    let world = World::with_env(&[("AWS_LAMBDA_LOG_LEVEL", "ERROR")]).await;
    world.push_shop(&Repository::small()).await;
    world.build();
    assert_eq!(world.log(), "");
}
