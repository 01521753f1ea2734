//! What the function says when it cannot start, and when it is asked for what it cannot answer.

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
            "UNBUNDLABLE=\"maybe\" cannot be used: it is `codecommit` or `reject`",
        ),
    ] {
        let mut function = Command::new(env!("CARGO_BIN_EXE_pushbuild"));
        function.env_clear().envs(variables.iter().copied());
        let output = function.output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!output.status.success() && said.contains(reason), "{said}");
    }
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
