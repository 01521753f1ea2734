//! What `try` says at the end: for each push what was made of it, or why nothing was.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::style::Style;
use crate::aws::LocalAws;
use crate::codebuild::Build;
use crate::lambda::FunctionLog;

/// Has every branch and tag built.
const HOW_TO_INCLUDE: &str = "INCLUDE_REFERENCES='refs/**' EXCLUDE_REFERENCES=";

/// How one message ended, by the functions' own log.
#[derive(Clone, Debug)]
pub struct Ending {
    line: Value,
}

impl Ending {
    /// The endings so far, one for each message: a failed one may have come back meanwhile.
    pub fn all(log: &FunctionLog) -> Vec<Self> {
        let mut endings: Vec<Self> = Vec::new();
        for line in log.records() {
            let is_known = |ending: &Self| {
                line["message_id"].is_string() && ending.line["message_id"] == line["message_id"]
            };
            // What the intake forwards ends in the function `publish`.
            let is_ending = line["outcome"].is_string() && line["outcome"] != "forwarded";
            if is_ending && !endings.iter().any(is_known) {
                endings.push(Self { line });
            }
        }
        endings
    }

    /// Whether it failed.
    pub fn failed(&self) -> bool {
        self.line["outcome"] == "failed"
    }

    /// The function's own line about it, with the place of the bundle on this machine.
    pub fn json(&self, aws: &LocalAws, bucket: &str) -> Value {
        let mut line = self.line.clone();
        if let Some(key) = line["key"].as_str() {
            line["bundle"] = json!(aws.s3().path(bucket, key));
        }
        if let Some(line) = line.as_object_mut() {
            // What only CloudWatch reads.
            line.remove("_aws");
        }
        line
    }

    /// Lines for a person.
    pub fn describe(&self, aws: &LocalAws, bucket: &str, style: Style) -> String {
        let text = |field: &str| self.line[field].as_str().unwrap_or_default();
        let mut out = String::new();
        match text("outcome") {
            "skipped" => {
                let _ = writeln!(out, "{}: {}", style.warning("skipped"), text("why"));
                if text("class") == "excluded" {
                    let _ = writeln!(
                        out,
                        "  to build it all the same: {HOW_TO_INCLUDE} cargo local …"
                    );
                }
            }
            "failed" => {
                let of = match text("reference") {
                    "" => "a message".to_owned(),
                    reference => format!("{reference} of {}", text("repository")),
                };
                let (failed, step) = (style.bad("FAILED"), step_of(text("error")));
                let _ = writeln!(out, "{failed} to {step} ({}): {of}", text("class"));
                let _ = writeln!(out, "  reason     {}", text("error"));
                let _ = writeln!(out, "  advice     {}", text("advice"));
            }
            outcome => {
                let short = text("commit").get(..10).unwrap_or_default();
                let outcome = style.good(&outcome.replace('_', " "));
                let _ = writeln!(out, "{} at {short}: {outcome}", text("reference"));
                let builds = aws.codebuild().builds();
                let build = builds.iter().find(|build| build.id == text("build_id"));
                if let Some(build) = build {
                    self.describe_build(&mut out, aws, bucket, build);
                }
            }
        }
        out
    }

    fn describe_build(&self, out: &mut String, aws: &LocalAws, bucket: &str, build: &Build) {
        let number = |field: &str| self.line[field].as_u64().unwrap_or_default();
        let location = build.source_location.as_deref().unwrap_or_default();
        if let Some(key) = location.strip_prefix(&format!("{bucket}/")) {
            let path = aws.s3().path(bucket, key);
            let _ = writeln!(out, "  bundle     {}", path.display());
            let _ = writeln!(
                out,
                "             {} bytes, {} entries",
                number("bytes"),
                number("entries")
            );
        }
        let _ = writeln!(
            out,
            "  time       {} ms: {} to list the tree, {} to fetch and store it, {} to start the build",
            number("ms"),
            number("walk_ms"),
            number("bundle_ms"),
            number("build_ms")
        );
        let _ = writeln!(out, "  build      {}", build.id);
        let version = build.source_version.as_deref().unwrap_or("none");
        let _ = writeln!(out, "             source {} {location}", build.source_type);
        let _ = writeln!(out, "             version {version}");
        for variable in &build.environment {
            let _ = writeln!(out, "             {}={}", variable.name, variable.value);
        }
    }
}

/// The step that an error stopped, by the call that it names: the steps of `src/publish.rs`.
fn step_of(error: &str) -> &'static str {
    let steps = [
        ("CodeCommit GetCommit", "find the commit"),
        ("CodeCommit GetFolder", "list the tree"),
        ("CodeCommit GetDifferences", "list the tree"),
        ("the tree of commit", "list the tree"),
        ("CodeCommit Get", "fetch the files"),
        ("the content of", "fetch the files"),
        ("S3 ", "store the bundle"),
        ("STS ", "assume the reader role"),
        ("CodeBuild ", "start the build"),
        ("of the message should be", "read the message"),
    ];
    let step = steps.iter().find(|(part, _)| error.contains(part));
    step.map_or("build", |(_, step)| step)
}

/// What the function warned of without failing.
pub fn warnings(log: &FunctionLog) -> Vec<String> {
    log.records()
        .iter()
        .filter(|line| line["level"] == "WARN" && line.get("outcome").is_none())
        .map(|line| {
            let message = line["message"].as_str().unwrap_or_default();
            match line["why"].as_str().or(line["error"].as_str()) {
                Some(why) => format!("{message} ({why})"),
                None => message.to_owned(),
            }
        })
        .collect()
}

/// How often each operation was called.
pub fn calls(aws: &LocalAws) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for ((_, operation), total) in aws.calls().totals() {
        *counts.entry(operation).or_default() += total.calls;
    }
    let parts: Vec<_> = counts
        .iter()
        .map(|(operation, calls)| format!("{calls} {operation}"))
        .collect();
    if parts.is_empty() {
        return "none".to_owned();
    }
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_step_that_it_stopped() {
        for (error, step) in [
            (
                "CodeCommit GetCommit of shop:1 failed: x",
                "find the commit",
            ),
            ("CodeCommit GetFile of shop:a failed: x", "fetch the files"),
            ("CodeBuild StartBuild of shop failed: x", "start the build"),
            (
                "commitId of the message should be an id",
                "read the message",
            ),
            ("a defect in pushbuild: x", "build"),
        ] {
            assert_eq!(step_of(error), step, "{error}");
        }
    }
}
