//! Ways from a push to a bundle, measured side by side on the same repository, in the same run,
//! with the same latency for each call. One table for each repository.
//!
//!     benches/repository.sh /tmp/b5k 5000
//!     cargo bench --bench push -- --latency 20 --runs 3 /tmp/b5k
//!     cargo bench --bench push -- --function BEFORE/bootstrap --function AFTER/bootstrap /tmp/b5k
//!
//! - `ways`: one repository, and a function that bundles it
//! - `shell`: Git's and zip's own programs
//! - `floor`: a client that knows nothing but the SDK
//! - `table`: what is printed

mod floor;
mod shell;
mod table;
mod ways;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

use table::Row;
use ways::Bench;

/// Measures ways from a push to a bundle side by side.
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
    /// How many of the last pushes are made with a base, in each run.
    #[arg(long, default_value_t = 3)]
    pushes: usize,
    /// The function's program; several are measured by turns.
    #[arg(long = "function", default_value = env!("CARGO_BIN_EXE_pushbuild"))]
    functions: Vec<PathBuf>,
    /// Leave out the way through Git's and zip's own programs, which takes as long as the disk does.
    #[arg(long)]
    skip_slow: bool,
    /// Be the floor's client: a repository's name and a commit.
    #[arg(long, num_args = 2, hide = true)]
    floor: Vec<String>,
    /// Set by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let [repository, commit] = &args.floor[..] {
        return floor::measure(repository, commit).await;
    }
    // A plain `cargo bench` runs every benchmark: this one needs to be told of what.
    if args.paths.is_empty() {
        eprintln!("push: no repository named, nothing measured");
    }
    for path in &args.paths {
        let (ms, runs) = (args.latency_ms, args.runs);
        println!(
            "{}, {ms} ms for each call, median of {runs}\n",
            path.display()
        );
        println!("{}", table::markdown(&rows(&args, path).await?));
    }
    Ok(())
}

/// Goes every way.
async fn rows(args: &Args, path: &Path) -> anyhow::Result<Vec<Row>> {
    let latency = Duration::from_millis(args.latency_ms);
    let listed = shell::git(path, &["rev-list", "--first-parent", "-n", "50", "HEAD"])?;
    let commits: Vec<_> = std::str::from_utf8(&listed)?.lines().collect();
    let head = commits[0];
    let pushes = args.pushes.min(commits.len() - 1);

    let mut benches = Vec::new();
    for function in &args.functions {
        benches.push(Bench::of(path, function, latency, head).await?);
    }
    let mut clones = Vec::new();
    let mut fetches = vec![Vec::new(); benches.len()];
    let (mut updates, mut floors) = (fetches.clone(), Vec::new());
    for _ in 0..args.runs {
        if !args.skip_slow {
            clones.push(benches[0].clone_and_zip().await?);
        }
        let name = benches[0].serve()?;
        floors.push(benches[0].floor(&name, commits[pushes]).await?);
        for (number, bench) in benches.iter_mut().enumerate() {
            let name = bench.serve()?;
            fetches[number].push(bench.push(&name, commits[pushes], None).await?);
            for push in (0..pushes).rev() {
                let (commit, old) = (commits[push], Some(commits[push + 1]));
                updates[number].push(bench.push(&name, commit, old).await?);
            }
        }
    }
    let mut rows = Vec::new();
    rows.extend(Row::of("clone, zip, upload", &clones, None));
    let floor = Row::of("the floor", &floors, None);
    for (number, function) in args.functions.iter().enumerate() {
        for (way, runs) in [("no base", &fetches), ("a base", &updates)] {
            let way = format!("{}, {way}", function.display());
            rows.extend(Row::of(&way, &runs[number], floor.as_ref()));
        }
    }
    rows.extend(floor);
    Ok(rows)
}
