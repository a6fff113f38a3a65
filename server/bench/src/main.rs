//! The measurements without the server around them: builds in a fraction of the time.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tidemark_bench::{Launcher, Verb, run};

/// Measures the cache.
#[derive(Parser)]
#[command(name = "tidemark-bench", version, about)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("tidemark-bench: the runtime cannot be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    let done = runtime.block_on(async { run(cli.verb, &Launcher::this(&["worker"])?).await });
    // A task that waits for a server must not hold the end up.
    runtime.shutdown_timeout(Duration::from_secs(2));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            eprintln!("tidemark-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
