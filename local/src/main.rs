//! `cargo local`: pushbuild and AWS on this machine.

use std::process::ExitCode;

fn main() -> ExitCode {
    pushbuild_local::cli::main()
}
