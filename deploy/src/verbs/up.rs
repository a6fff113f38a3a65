//! `cargo deploy up`: from a fresh checkout to a served page.

use std::{
    fs::File,
    thread,
    time::{Duration, Instant},
};

use crate::{
    cli::UpArgs,
    health,
    layout::Layout,
    parts::{self, Part},
    problem::{Problem, Result},
    run, sample, say,
    state::{Running, State},
    stop,
    tools::{Consent, Need, ensure},
};

/// How often the keeper looks after the parts.
const LOOK: Duration = Duration::from_millis(200);
/// A store or cache that ends is started again at most this often within [`RESTART_WINDOW`].
const RESTARTS: usize = 5;
/// See [`RESTARTS`].
const RESTART_WINDOW: Duration = Duration::from_secs(60);

/// Brings everything up. In the foreground it returns after Ctrl-C, with all stopped.
///
/// # Errors
/// When a step fails; the parts that were started by then are stopped again unless they ran before.
pub fn run(layout: &Layout, args: &UpArgs) -> Result<u8> {
    layout.make()?;
    let lock = lock(layout)?;
    let mut state = State::load(layout)?;
    if state.process(Part::Server).is_some() && Part::ALL.iter().all(|part| state.process(*part).is_some()) {
        say::done("Tidemark runs already");
        tell(layout, &state);
        return Ok(0);
    }
    // Before the long steps rather than after them.
    if state.process(Part::Server).is_none() {
        parts::require_free(args.addr)?;
    }
    let consent = if args.yes { Consent::Given } else { Consent::Ask };
    let (needed, welcome): (&[Need], &[Need]) =
        if args.no_build { (&[Need::Run], &[]) } else { (&[Need::Run, Need::Build], &[Need::Recommended]) };
    ensure(layout, needed, welcome, consent)?;
    if !args.no_build {
        build(layout)?;
    }
    let before: Vec<Part> = Part::ALL.into_iter().filter(|part| state.process(*part).is_some()).collect();
    let started = start(layout, &mut state, args);
    if let Err(problem) = started {
        for part in Part::ALL.into_iter().rev().filter(|part| !before.contains(part)) {
            part.stop(&mut state)?;
        }
        state.save(layout)?;
        return Err(problem);
    }
    tell(layout, &state);
    if args.detach {
        say::line("It runs in the background: `cargo deploy status`, `logs`, `down`.");
        return Ok(0);
    }
    state.keeper = Running::note(std::process::id());
    state.save(layout)?;
    drop(lock);
    say::line("Ctrl-C stops it all.");
    let kept = keep(layout, &mut state);
    let stopped = stop_all(layout, &mut state);
    kept.and(stopped).map(|()| 0)
}

/// Only one `up` or `down` works at a time.
///
/// # Errors
/// When another one is at it.
pub fn lock(layout: &Layout) -> Result<File> {
    let path = layout.kept().join("lock");
    let what = || format!("cannot lock {}", path.display());
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(Problem::io(what()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Problem::said(
            "another `cargo deploy up` or `down` is at work in this checkout: wait for it or stop it",
        )),
        Err(std::fs::TryLockError::Error(error)) => Err(Problem::io(what())(error)),
    }
}

/// Builds server and site for release.
///
/// # Errors
/// When the build fails.
pub fn build(layout: &Layout) -> Result<()> {
    say::step("build server and site for release (minutes at first, seconds later)", || {
        run::to_end(
            run::command(layout, "cargo")
                .args(["leptos", "build", "--release", "--precompress"])
                .env("SQLX_OFFLINE", "true"),
        )
    })
}

fn start(layout: &Layout, state: &mut State, args: &UpArgs) -> Result<()> {
    let binary = layout.server_binary();
    if !binary.is_file() {
        return Err(Problem::said(format!("{} is not there: run without --no-build", binary.display())));
    }
    parts::start_redis(layout, state)?;
    stop::check()?;
    parts::start_postgres(layout, state)?;
    let server = |state: &State, args: &[&str]| -> Result<std::process::Command> {
        let mut command = parts::server_command(layout, state)?;
        command.args(args);
        Ok(command)
    };
    let mut migrate = server(state, &["migrate"])?;
    say::step("bring the database's tables up to date", || run::to_end(&mut migrate))?;
    let files = sample::files(layout)?;
    let print = sample::fingerprint(&files)?;
    if state.imported.as_ref() == Some(&print) {
        say::done("the sample is in the database already");
    } else {
        let mut import = server(state, &["import"])?;
        import.args(&files);
        say::step(format!("import the sample ({} files)", files.len()), || run::to_end(&mut import))?;
        state.imported = Some(print);
        state.save(layout)?;
    }
    parts::start_server(layout, state, args.addr, args.feed)
}

/// Says where to look.
fn tell(layout: &Layout, state: &State) {
    if let Some(addr) = state.addr.map(health::reachable) {
        say::line("");
        say::line(&format!("  Tidemark   http://{addr}/"));
        say::line(&format!("  API        http://{addr}/api/latest_prices"));
        say::line(&format!("  Logs       {}", layout.logs().display()));
        say::line("");
    }
}

/// Looks after the parts until a signal comes: Redis and Postgres are started again when they end; without the server
/// there is nothing to keep.
fn keep(layout: &Layout, state: &mut State) -> Result<()> {
    let mut restarts: Vec<Instant> = Vec::new();
    while !stop::asked() {
        for part in Part::ALL {
            if state.process(part).is_some() || stop::asked() {
                continue;
            }
            if part == Part::Server {
                return Err(Problem::said(format!("the server ended; see {}", part.log(layout).display())));
            }
            restarts.retain(|at| at.elapsed() < RESTART_WINDOW);
            if restarts.len() >= RESTARTS {
                return Err(Problem::said(format!(
                    "{} ends again and again; see {}",
                    part.name(),
                    part.log(layout).display()
                )));
            }
            restarts.push(Instant::now());
            say::note(&format!("{} ended; starting it again", part.name()));
            let again = match part {
                Part::Redis => parts::start_redis(layout, state),
                _ => parts::start_postgres(layout, state),
            };
            if let Err(problem) = again {
                // The server lives on without either; the next round tries again, as often as allowed.
                say::error(&problem.to_string());
            }
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// Stops all parts, the server first.
///
/// # Errors
/// When one cannot be stopped; the others are stopped all the same.
pub fn stop_all(layout: &Layout, state: &mut State) -> Result<()> {
    let mut first = Ok(());
    for part in Part::ALL.into_iter().rev() {
        match part.stop(state) {
            Ok(true) => say::done(&format!("{} stopped", part.name())),
            Ok(false) => {}
            Err(problem) => first = first.and(Err(problem)),
        }
    }
    state.keeper = None;
    first.and(state.save(layout))
}
