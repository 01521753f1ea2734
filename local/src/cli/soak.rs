//! `cargo local soak`: many pushes through faults and kills, and what became of them.

use std::process::ExitCode;

use anyhow::Context as _;

use super::SoakArgs;
use crate::soak::Soak;

pub async fn run(args: SoakArgs) -> anyhow::Result<ExitCode> {
    let soak = Soak {
        program: std::env::current_exe().context("this program cannot find itself")?,
        args: vec!["function".to_owned()],
        pushes: args.pushes,
        seed: args.seed,
    };
    println!(
        "{} pushes with seed {}, through faults and kills",
        soak.pushes, soak.seed
    );
    let outcome = soak.run().await?;
    print!("{}", outcome.describe());
    Ok(if outcome.verdict.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
