//! The commands of `cargo local`.
//!
//! - `try` (what `cargo local` alone does): sends pushes of a local clone through the function and
//!   shows what becomes of them;
//! - `serve`: all services on one port, for `cargo lambda watch`, `sam local invoke` or any SDK;
//! - `function`: the Lambda function itself, which the others start as a process of its own, as
//!   Lambda does.

mod plan;
mod progress;
mod report;
mod sample;
mod serve;
mod try_push;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

/// pushbuild and AWS on this machine: nothing leaves it.
#[derive(Debug, Parser)]
#[command(
    name = "cargo local",
    bin_name = "cargo local",
    version,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    try_push: TryArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send pushes of a local Git repository through the function and show what comes of them.
    Try(TryArgs),
    /// Serve CodeCommit, S3, CodeBuild, SQS and STS on one port until Ctrl-C.
    Serve(ServeArgs),
    /// Run as the Lambda function itself.
    #[command(hide = true)]
    Function,
}

/// What `try` pushes.
#[derive(Args, Debug)]
struct TryArgs {
    /// A Git repository, or a folder in one.
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Push this branch instead of the current one.
    #[arg(long, value_name = "NAME", conflicts_with_all = ["all_branches", "events"])]
    branch: Option<String>,
    /// Push this commit (any revision that Git understands) instead of the branch's tip.
    #[arg(long, value_name = "REVISION", conflicts_with_all = ["all_branches", "events"])]
    commit: Option<String>,
    /// The repository's name; its folder's by default.
    #[arg(long, value_name = "NAME")]
    repository: Option<String>,
    /// Push every branch.
    #[arg(long, conflicts_with = "events")]
    all_branches: bool,
    /// After that, push each commit as it is made, on any branch, until Ctrl-C.
    #[arg(long, conflicts_with = "events")]
    watch: bool,
    /// Print one line of JSON for each push, for scripts, and nothing else.
    #[arg(long)]
    json: bool,
    /// Send the events of this file, an SQS event as in `events/` or an EventBridge event.
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
}

/// What `serve` serves.
#[derive(Args, Debug)]
struct ServeArgs {
    /// Git repositories, each under its folder's name; a repository named `sample` is always there.
    paths: Vec<PathBuf>,
    /// The port on 127.0.0.1.
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// What should go wrong: a JSON list of rules; `local/src/faults.rs` has an example.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let outcome = runtime.block_on(async {
        match cli.command {
            Some(Command::Function) => pushbuild::run()
                .await
                .map(|()| ExitCode::SUCCESS)
                .map_err(anyhow::Error::from),
            Some(Command::Serve(args)) => serve::run(args).await,
            Some(Command::Try(args)) => try_push::run(args).await,
            None => try_push::run(cli.try_push).await,
        }
    });
    outcome.unwrap_or_else(|error| failed(&error))
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

/// Where the local AWS keeps its buckets: in the workspace's `target` where Cargo runs it, and sets
/// this variable, else in the folder for temporary files.
fn storage() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .and_then(|package| {
            package
                .parent()
                .map(|workspace| workspace.join("target/local-aws"))
        })
        .unwrap_or_else(|| std::env::temp_dir().join("pushbuild-local-aws"))
}
