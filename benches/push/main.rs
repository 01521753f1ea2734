//! Five ways from a push to a bundle, measured side by side on the same repository, in the same
//! run, with the same latency for each call. One table for each repository.
//!
//!     benches/repository.sh /tmp/b5k 5000
//!     cargo bench --bench push -- --latency 20 --runs 3 /tmp/b5k
//!
//! - `ways`: one repository, and the ways of pushbuild
//! - `shell`: the ways that go through Git's and zip's own programs
//! - `one_by_one`: the way of the readers of the public API
//! - `floor`: what no way can be faster than
//! - `table`: what is printed

mod floor;
mod one_by_one;
mod shell;
mod table;
mod ways;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use ways::{Bench, Settings};

/// Makes this program the one that calls one after the other: bucket, repository and commit.
const ONE_BY_ONE: &str = "PUSHBUILD_BENCH_ONE_BY_ONE";

/// Measures five ways from a push to a bundle side by side.
#[derive(Debug, Parser)]
#[command(name = "cargo bench --bench push --")]
struct Args {
    /// Git repositories; HEAD and its first parents are pushed.
    paths: Vec<PathBuf>,
    /// How much later each answer of AWS comes, in milliseconds.
    #[arg(long = "latency", value_name = "MS", default_value_t = 20)]
    latency_ms: u64,
    /// How often each way is gone; the median counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// How many of the last pushes are made with a base.
    #[arg(long, default_value_t = 3)]
    pushes: usize,
    /// Leave out the way that calls one after the other, which takes minutes.
    #[arg(long)]
    skip_slow: bool,
    /// Set by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    if let Ok(arguments) = std::env::var(ONE_BY_ONE) {
        let [bucket, repository, commit] = arguments.split(' ').collect::<Vec<_>>()[..] else {
            anyhow::bail!("{ONE_BY_ONE} is {arguments:?}");
        };
        return Box::pin(one_by_one::fetch(bucket, repository, commit)).await;
    }
    let args = Args::parse();
    // A plain `cargo bench` runs every benchmark: this one needs to be told of what.
    if args.paths.is_empty() {
        eprintln!("push: no repository named, nothing measured");
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
    Ok(())
}
