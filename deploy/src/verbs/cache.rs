//! `cargo deploy cache`: the server's own `tidemark cache`, told where the server that runs here is.

use std::{ffi::OsString, os::unix::process::CommandExt, process::Command};

use crate::{
    admin_token,
    cli::CacheArgs,
    layout::Layout,
    parts::{self, Part},
    problem::{Problem, Result},
    release, run, say,
    state::State,
};

/// Becomes `tidemark cache` with these arguments, so that terminal, signals and exit code are its own. Address and token
/// file are in its environment.
///
/// # Errors
/// When neither the server nor Redis runs here, the server has no token, or the binary cannot be started.
pub fn run(layout: &Layout, args: &CacheArgs) -> Result<u8> {
    if args.words.iter().any(names_a_server) {
        return Err(Problem::Usage(
            "this asks the server that runs here; another one is asked by `tidemark cache --url … --token-file …`"
                .to_owned(),
        ));
    }
    let state = State::load(layout)?;
    let binary = release::binary(layout);
    let mut command = Command::new(&binary);
    run::clean(&mut command);
    command.arg("cache").args(&args.words);
    if !asks_for_help(&args.words) {
        settings(&mut command, layout, &state)?;
    }
    let what = format!("cannot start {}, which `cargo deploy up` builds", binary.display());
    Err(Problem::io(what)(command.exec()))
}

/// Help needs nothing that runs.
fn asks_for_help(words: &[OsString]) -> bool {
    words.first().is_none_or(|word| word == "help")
        || words.iter().any(|word| word == "--help" || word == "-h")
}

/// Whether the word is the option of `tidemark cache` that names a server. It would be sent the token of ours.
fn names_a_server(word: &OsString) -> bool {
    word.to_str().is_some_and(|word| word == "--url" || word.starts_with("--url="))
}

/// Where the cache is.
fn settings(command: &mut Command, layout: &Layout, state: &State) -> Result<()> {
    let running = state.running_parts();
    let redis = running.iter().any(|part| matches!(part, Part::Redis | Part::Node(_)));
    if let Some(url) = state.redis_url().filter(|_| redis) {
        command.env("REDIS_URL", url);
    }
    if !running.contains(&Part::Server) {
        if !redis {
            return Err(Problem::said("Tidemark does not run here: `cargo deploy up` starts it"));
        }
        say::aside("the server does not run, Redis alone is asked; `stats` and `top` need `cargo deploy up`");
        // Who listens at its address now must not get the token. Blank also hides what a `.env` says.
        command.env(admin_token::SETTING, "");
        // It has the audit log, which a server would write.
        if running.contains(&Part::Postgres) {
            command.env("DATABASE_URL", parts::database_url(layout, state)?);
        }
        return Ok(());
    }
    let anew = "`cargo deploy down` and `up` give it one";
    let (Some(addr), Some(token)) = (state.addr, &state.admin_token_file) else {
        return Err(Problem::said(format!("the server that runs has no admin token: {anew}")));
    };
    admin_token::check(token).map_err(|why| Problem::said(format!("{}: {why}", token.display())))?;
    command.env("LEPTOS_SITE_ADDR", addr.to_string()).env(admin_token::SETTING, token);
    Ok(())
}
