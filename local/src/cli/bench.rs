//! `bench`: see [`crate::bench`].

use std::process::ExitCode;
use std::time::Duration;

use super::BenchArgs;
use crate::bench::{Bench, Settings, table};

/// Measures each repository and prints one table for each.
pub async fn run(args: BenchArgs) -> anyhow::Result<ExitCode> {
    if cfg!(debug_assertions) {
        eprintln!(
            "These are not the figures of a release build: cargo run --release -p pushbuild-local -- bench"
        );
    }
    let settings = Settings {
        latency: Duration::from_millis(args.latency_ms),
        runs: args.runs.max(1),
        pushes: args.pushes,
        skip_slow: args.skip_slow,
    };
    for path in args.paths {
        let mut bench = Bench::of(&path, settings.clone()).await?;
        let rows = bench.rows().await?;
        let title = format!(
            "{}, {} ms for each call, median of {}",
            path.display(),
            args.latency_ms,
            settings.runs
        );
        println!("{}", table::markdown(&title, &rows));
    }
    Ok(ExitCode::SUCCESS)
}
