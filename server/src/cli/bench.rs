//! `tidemark bench`: what the cache is worth, measured.

use std::process::ExitCode;

use tidemark_bench::{BenchError, Launcher, Verb};

use super::fail;

/// How this program is told to be a worker of a measurement.
const WORKER: [&str; 2] = ["bench", "worker"];

/// Measures; exit code 2 when something missed its budget.
pub(super) async fn run(verb: Verb) -> ExitCode {
    let done: Result<bool, BenchError> =
        async { tidemark_bench::run(verb, &Launcher::this(&WORKER)?).await }.await;
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => fail(error),
    }
}
