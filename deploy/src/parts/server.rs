//! Tidemark itself as a part.

use std::{
    fs::File,
    net::SocketAddr,
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use local_servers::{Process, Signal, wait_until};

use super::{Part, found, fresh_log, postgres::postgres_secret, read_secret};
use crate::{
    admin_password, admin_token,
    cli::Feed,
    explain,
    health::{self, Unwell},
    layout::Layout,
    port_holder,
    preflight::refused,
    probe,
    problem::{Problem, Result},
    recover::{SERVER_MARK, STEP_MARK},
    release::{self, Release},
    run,
    running::Running,
    say,
    state::State,
    stop,
};

/// Longest wait for the server's first good answer.
pub const SERVER_READY: Duration = Duration::from_secs(60);
/// Longest wait for the end of its warm-up, which is at most a minute by its settings.
const WARM: Duration = Duration::from_secs(75);
/// Longest wait for its connections.
const CONNECTED: Duration = Duration::from_secs(10);

/// Starts the server of this release, unless one runs, and waits until it answers. From then on it is the current release.
///
/// # Errors
/// When it does not start, or does not answer in time. The release that was current stays so.
pub fn start_server(
    layout: &Layout,
    state: &mut State,
    addr: SocketAddr,
    feed: Option<Feed>,
    release: &Release,
) -> Result<()> {
    if found(Part::Server, layout, state)? {
        return Ok(());
    }
    require_free(addr)?;
    let step = say::Step::begin(format!("Tidemark on {addr}"));
    let log = fresh_log(Part::Server, layout);
    let before = release::Links::noted(layout);
    let done = launch_server(layout, state, addr, feed, release, &log.path).and_then(|mut process| {
        state.save(layout)?;
        wait_for_server(&mut process, addr, &log.path, log.end)
    });
    step.end(done.is_ok());
    match &done {
        Ok(()) => release.forget_next(layout),
        // Report the first problem.
        Err(_) => drop(before.restore(layout)),
    }
    done
}

/// Starts the server's process from this release, which becomes the current one, and notes it in the state, without a wait.
///
/// # Errors
/// When that fails at once.
pub(super) fn launch_server(
    layout: &Layout,
    state: &mut State,
    addr: SocketAddr,
    feed: Option<Feed>,
    release: &Release,
    log: &Path,
) -> Result<Process> {
    let file = File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(log)
        .and_then(|file| Ok((file.try_clone()?, file)))
        .map_err(|error| refused(log, &error))?;
    let mut command = server_command(layout, state, &release.binary())?;
    command.env(SERVER_MARK, layout.kept());
    if let Some(feed) = feed {
        command.env("TIDEMARK_FEED", feed.name());
    }
    // Its output goes to a file.
    command.env("NO_COLOR", "1");
    serve_settings(&mut command, &release.site(), addr);
    if let Some(token) = &state.admin_token_file {
        command.env(admin_token::SETTING, token);
    }
    if let Some(password) = admin_password::named(layout)? {
        command.env(admin_password::SETTING, password);
    }
    command.arg("serve").stdin(Stdio::null()).stdout(file.0).stderr(file.1).process_group(0);
    release.make_current(layout)?;
    let process = Process::spawn(&mut command)?;
    state.addr = Some(addr);
    state.feed = feed;
    state.server = Running::note(process.pid());
    Ok(process)
}

/// Waits until it answers and has its connections.
fn wait_for_server(process: &mut Process, addr: SocketAddr, log: &Path, end: u64) -> Result<()> {
    let here = probe::reachable(addr);
    let ready = wait_until(SERVER_READY, || {
        stop::asked() || !process.is_alive() || matches!(probe::get(here, "/healthz"), Some((200, _)))
    });
    stop::check()?;
    let last = || explain::last_line_of(&explain::read_from(log, end));
    let ended =
        |status| Problem::said(format!("the server ended ({status}){}; see {}", last(), log.display()));
    if let Some(status) = process.exit_status() {
        return Err(ended(status));
    }
    if !ready {
        process.end(Signal::TERM, Duration::from_secs(10))?;
        return Err(Problem::said(format!(
            "the server gave no good answer to GET /healthz within {} s{}; see {}",
            SERVER_READY.as_secs(),
            last(),
            log.display()
        )));
    }
    wait_until_warm(process, here);
    stop::check()?;
    // Its connections take a moment. It serves without them, so this is no reason to fail.
    let mut unwell = None;
    wait_until(CONNECTED, || {
        unwell = health::server(here).err();
        stop::asked() || !process.is_alive() || unwell.is_none()
    });
    stop::check()?;
    if let Some(status) = process.exit_status() {
        return Err(ended(status));
    }
    if let Some(why) = unwell {
        say::note(&format!("the server {why}; see {}", log.display()));
    }
    Ok(())
}

/// Waits while the server loads what was read most before it stopped, and says so. It answers meanwhile.
fn wait_until_warm(process: &mut Process, addr: SocketAddr) {
    let mut told = false;
    wait_until(WARM, || {
        let warming = matches!(health::server(addr), Err(Unwell::Warming(_)));
        if warming && !told {
            say::line("   it warms up: what was read most before is loaded first");
            told = true;
        }
        stop::asked() || !process.is_alive() || !warming
    });
}

/// This binary of the server with the settings for our Redis and Postgres: in its environment, as arguments are for all to see.
///
/// # Errors
/// When a part was not started before.
pub fn server_command(layout: &Layout, state: &State, binary: &Path) -> Result<Command> {
    let Some(redis) = state.redis_url() else {
        return Err(Problem::said("Redis and Postgres were not started yet"));
    };
    let database = database_url(layout, state)?;
    let mut command = Command::new(binary);
    run::clean(&mut command);
    command.current_dir(layout.root()).env("DATABASE_URL", database).env("REDIS_URL", redis);
    Ok(command)
}

/// Our Postgres, with the password.
///
/// # Errors
/// When it was not started before.
pub fn database_url(layout: &Layout, state: &State) -> Result<String> {
    let port = state.postgres_port.ok_or_else(|| Problem::said("Redis and Postgres were not started yet"))?;
    let password = read_secret(&postgres_secret(layout))?;
    Ok(format!("postgres://tidemark:{password}@127.0.0.1:{port}/tidemark"))
}

/// As [`server_command`], for a step of `up`: one that a killed `up` leaves at work is ended by the next.
///
/// # Errors
/// As [`server_command`].
pub fn step_command(layout: &Layout, state: &State, binary: &Path) -> Result<Command> {
    let mut command = server_command(layout, state, binary)?;
    command.env(STEP_MARK, layout.kept());
    Ok(command)
}

/// What the server has to know of the built site, as `build` made it.
pub fn serve_settings(command: &mut Command, site: &Path, addr: SocketAddr) {
    command
        .env("LEPTOS_OUTPUT_NAME", "tidemark")
        .env("LEPTOS_SITE_ROOT", site)
        .env("LEPTOS_SITE_PKG_DIR", "pkg")
        .env("LEPTOS_SITE_ADDR", addr.to_string())
        .env("LEPTOS_HASH_FILES", "true")
        .env("LEPTOS_HASH_FILE_NAME", "hash.txt")
        .env("LEPTOS_ENV", "PROD");
}

/// An error with the port's holder when one cannot listen on this address.
///
/// # Errors
/// When it is in use or not ours.
pub fn require_free(addr: SocketAddr) -> Result<()> {
    match std::net::TcpListener::bind(addr) {
        Ok(_) if addr.port() == 0 => Err(Problem::said("--addr needs a port other than 0")),
        Ok(_) => Ok(()),
        Err(error) => {
            let holder = port_holder::of(addr.port()).map(|who| format!(" by {who}")).unwrap_or_default();
            Err(Problem::said(match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    format!("{addr} is in use{holder}; choose another with --addr")
                }
                _ => format!("cannot listen on {addr}: {error}"),
            }))
        }
    }
}
