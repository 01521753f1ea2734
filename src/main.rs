//! Starts the function; `lib.rs` describes the modules.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match pushbuild::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The log may not be there yet; Lambda keeps standard error too.
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
