//! What `try` says at the end: for each push what was made of it, or why nothing was.

use std::collections::BTreeMap;

use console::style;
use serde_json::{Value, json};

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

    pub fn failed(&self) -> bool {
        self.line["outcome"] == "failed"
    }

    /// The function's own line about it, with the place of the bundle on this machine.
    pub fn json(&self, aws: &LocalAws, bucket: &str) -> Value {
        let mut line = self.line.clone();
        if let Some(key) = line["key"].as_str() {
            line["bundle"] = json!(aws.s3.path(bucket, key));
        }
        if let Some(line) = line.as_object_mut() {
            // What only CloudWatch reads.
            line.remove("_aws");
        }
        line
    }

    /// Prints it for a person.
    pub fn show(&self, aws: &LocalAws, bucket: &str) {
        let text = |field: &str| self.line[field].as_str().unwrap_or_default();
        match text("outcome") {
            "skipped" => {
                println!("{}: {}", style("skipped").yellow(), text("why"));
                if text("class") == "excluded" {
                    println!("  to build it all the same: {HOW_TO_INCLUDE} cargo local …");
                }
            }
            "failed" => {
                let of = match text("reference") {
                    "" => "a message".to_owned(),
                    reference => format!("{reference} of {}", text("repository")),
                };
                let call = self.line["failed_call"].as_str();
                let at = call.map_or_else(String::new, |call| format!(" at {call}"));
                let failed = style("FAILED").red().bold();
                println!("{failed}{at} ({}): {of}", text("class"));
                println!("  reason     {}", text("error"));
                println!("  advice     {}", text("advice"));
            }
            outcome => {
                let short = text("commit").get(..10).unwrap_or_default();
                let outcome = style(outcome.replace('_', " ")).green();
                println!("{} at {short}: {outcome}", text("reference"));
                let builds = aws.codebuild.builds();
                let build = builds.iter().find(|build| build.id == text("build_id"));
                if let Some(build) = build {
                    self.show_build(aws, bucket, build);
                }
            }
        }
    }

    fn show_build(&self, aws: &LocalAws, bucket: &str, build: &Build) {
        let number = |field: &str| self.line[field].as_u64().unwrap_or_default();
        let location = build.source_location.as_deref().unwrap_or_default();
        if let Some(key) = location.strip_prefix(&format!("{bucket}/")) {
            println!("  bundle     {}", aws.s3.path(bucket, key).display());
            let (bytes, entries) = (number("bytes"), number("entries"));
            let noun = if entries == 1 { "entry" } else { "entries" };
            println!("             {bytes} bytes, {entries} {noun}");
        }
        println!(
            "  time       {} ms: {} to list the tree, {} to fetch and store it, {} to start the build",
            number("ms"),
            number("walk_ms"),
            number("bundle_ms"),
            number("build_ms")
        );
        println!("  build      {}", build.id);
        let version = build.source_version.as_deref().unwrap_or("none");
        println!("             source {} {location}", build.source_type);
        println!("             version {version}");
        for variable in &build.environment {
            println!("             {}={}", variable.name, variable.value);
        }
    }
}

/// What the function warned of without failing.
pub fn warnings(log: &FunctionLog) -> Vec<String> {
    let mut records = log.records();
    records.retain(|line| line["level"] == "WARN" && line.get("outcome").is_none());
    let text = |line: &Value| {
        let message = line["message"].as_str().unwrap_or_default();
        match line["why"].as_str().or(line["error"].as_str()) {
            Some(why) => format!("{message} ({why})"),
            None => message.to_owned(),
        }
    };
    records.iter().map(text).collect()
}

/// How often each operation was called; `None` where none was.
pub fn calls(aws: &LocalAws) -> Option<String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for call in aws.calls.list() {
        *counts.entry(call.operation).or_default() += 1;
    }
    let count = |(name, calls)| format!("{calls} {name}");
    let counts: Vec<_> = counts.into_iter().map(count).collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}
