//! `cargo deploy admin`: the server's own `tidemark admin`, told where the local database is.

use std::{ffi::OsString, os::unix::process::CommandExt, process::Command};

use crate::{
    cli::AdminArgs,
    layout::Layout,
    parts::{self, Part},
    problem::{Problem, Result},
    release, run,
    state::State,
};

/// Becomes `tidemark admin` with these arguments, so that terminal, signals and exit code are its own. The database's address
/// is in its environment.
///
/// # Errors
/// When Postgres does not run here, or the binary cannot be started.
pub fn run(layout: &Layout, args: &AdminArgs) -> Result<u8> {
    let binary = release::binary(layout);
    let mut command = if asks_for_help(&args.words) {
        let mut command = Command::new(&binary);
        run::clean(&mut command);
        command
    } else {
        let state = State::load(layout)?;
        if state.process(Part::Postgres).is_none() {
            return Err(Problem::said("Tidemark does not run here: `cargo deploy up` starts it"));
        }
        parts::server_command(layout, &state, &binary)?
    };
    let what = format!("cannot start {}, which `cargo deploy up` builds", binary.display());
    Err(Problem::io(what)(command.arg("admin").args(&args.words).exec()))
}

/// Help needs nothing that runs.
fn asks_for_help(words: &[OsString]) -> bool {
    words.first().is_none_or(|word| word == "help")
        || words.iter().any(|word| word == "--help" || word == "-h")
}
