//! The three parts that `up` runs: how each is started, asked and stopped.

use std::{
    fs::{self, File},
    io::Write,
    net::SocketAddr,
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use clap::ValueEnum;
use local_servers::{
    Durability, PostgresOptions, PostgresServer, Process, RedisOptions, RedisServer, Signal,
    data_folder_is_reachable, free_port, port_is_free, random_secret, wait_until,
};

use crate::{
    cli::Feed,
    health,
    layout::Layout,
    port_holder,
    problem::{Problem, Result},
    run, say,
    state::{Running, State, path_hash},
    stop,
};

/// Redis's port unless it is taken.
const REDIS_PORT: u16 = 6390;
/// Postgres's port unless it is taken.
const POSTGRES_PORT: u16 = 5442;
/// Redis's memory limit in bytes.
const REDIS_MEMORY: u64 = 512 << 20;
/// A log longer than this in bytes is put aside as `….log.1` when its part starts.
const LOG_LIMIT: u64 = 16 << 20;
/// Longest wait for the server's first good answer.
const SERVER_READY: Duration = Duration::from_secs(60);

/// One of the things that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The cache's second tier.
    Redis,
    /// The store.
    Postgres,
    /// Tidemark itself.
    Server,
}

impl Part {
    /// In the order of starting; stopping goes the other way.
    pub const ALL: [Self; 3] = [Self::Redis, Self::Postgres, Self::Server];

    /// As it is called on the command line and in names of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Postgres => "postgres",
            Self::Server => "server",
        }
    }

    /// Its log.
    pub fn log(self, layout: &Layout) -> PathBuf {
        layout.logs().join(format!("{}.log", self.name()))
    }

    /// Asks it whether it is well; the answer in a word or two.
    pub fn health(self, state: &State) -> std::result::Result<String, String> {
        let yes =
            |good: bool| if good { Ok("answers".to_owned()) } else { Err("does not answer".to_owned()) };
        match self {
            Self::Redis => yes(state.redis_port.is_some_and(health::redis_answers)),
            Self::Postgres => yes(state.postgres_port.is_some_and(health::postgres_answers)),
            Self::Server => {
                match state.addr.and_then(|addr| health::get(health::reachable(addr), "/healthz")) {
                    Some((200, _)) => Ok("answers".to_owned()),
                    Some((code, _)) => Err(format!("answers {code}")),
                    None => yes(false),
                }
            }
        }
    }

    /// Stops it in an orderly way, killing it past its bound, and forgets it. Says whether it ran.
    ///
    /// # Errors
    /// When it cannot be stopped.
    pub fn stop(self, state: &mut State) -> Result<bool> {
        let Some(mut process) = state.process(self) else {
            state.set(self, None);
            return Ok(false);
        };
        let (signal, bound) = match self {
            // "Fast shutdown": cuts connections and writes a checkpoint.
            Self::Postgres => (Signal::INT, Duration::from_secs(60)),
            Self::Redis | Self::Server => (Signal::TERM, Duration::from_secs(30)),
        };
        if !process.end(signal, bound)? {
            say::note(&format!("{} did not stop within {} s and was killed", self.name(), bound.as_secs()));
        }
        state.set(self, None);
        Ok(true)
    }
}

/// Starts Redis, unless it runs.
///
/// # Errors
/// When it does not start.
pub fn start_redis(layout: &Layout, state: &mut State) -> Result<()> {
    if found(Part::Redis, state) {
        return Ok(());
    }
    let port = choose_port(Part::Redis, state.redis_port, REDIS_PORT)?;
    let step = say::Step::begin(format!("Redis on 127.0.0.1:{port}"));
    let server = RedisServer::start_with(RedisOptions {
        dir: layout.kept().join("redis"),
        port,
        durability: Durability::SnapshotAndLog,
        max_memory: REDIS_MEMORY,
        log: Some(fresh_log(Part::Redis, layout)?),
        extra: Vec::new(),
    });
    step.end(server.is_ok());
    state.redis_port = Some(port);
    state.redis = server?.pid().and_then(Running::note);
    state.save(layout)
}

/// Starts Postgres, unless it runs; makes its data folder at first.
///
/// # Errors
/// When it does not start.
pub fn start_postgres(layout: &Layout, state: &mut State) -> Result<()> {
    if found(Part::Postgres, state) {
        return Ok(());
    }
    let dir = postgres_data(layout, state)?;
    if !dir.join("PG_VERSION").exists() {
        state.imported = None;
    }
    let port = choose_port(Part::Postgres, state.postgres_port, POSTGRES_PORT)?;
    let step = say::Step::begin(format!("Postgres on 127.0.0.1:{port}"));
    let server = PostgresServer::start_with(PostgresOptions {
        password: postgres_password(layout, &dir)?,
        dir: dir.clone(),
        port,
        log: Some(fresh_log(Part::Postgres, layout)?),
    });
    step.end(server.is_ok());
    state.postgres_port = Some(port);
    state.postgres_data = Some(dir);
    state.postgres = server?.pid().and_then(Running::note);
    state.save(layout)
}

/// Starts the server, unless it runs, and waits until it answers.
///
/// # Errors
/// When it does not start, or does not answer in time.
pub fn start_server(layout: &Layout, state: &mut State, addr: SocketAddr, feed: Option<Feed>) -> Result<()> {
    if found(Part::Server, state) {
        return Ok(());
    }
    require_free(addr)?;
    let step = say::Step::begin(format!("Tidemark on {addr}"));
    let log = fresh_log(Part::Server, layout)?;
    let done = spawn_server(layout, state, addr, feed, &log);
    step.end(done.is_ok());
    done
}

fn spawn_server(
    layout: &Layout,
    state: &mut State,
    addr: SocketAddr,
    feed: Option<Feed>,
    log: &Path,
) -> Result<()> {
    let file = File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(log)
        .and_then(|file| Ok((file.try_clone()?, file)))
        .map_err(Problem::io(format!("cannot open {}", log.display())))?;
    let mut command = server_command(layout, state)?;
    if let Some(feed) = feed {
        command.env("TIDEMARK_FEED", feed.name());
    }
    // Its output goes to a file.
    command.env("NO_COLOR", "1");
    serve_settings(&mut command, layout, addr);
    command.arg("serve").stdin(Stdio::null()).stdout(file.0).stderr(file.1).process_group(0);
    let mut process = Process::spawn(&mut command)?;
    state.addr = Some(addr);
    state.server = Running::note(process.pid());
    state.save(layout)?;
    let here = health::reachable(addr);
    let ready = wait_until(SERVER_READY, || {
        stop::asked() || !process.is_alive() || matches!(health::get(here, "/healthz"), Some((200, _)))
    });
    stop::check()?;
    if let Some(status) = process.exit_status() {
        return Err(Problem::said(format!("the server ended: {status}{}", last_lines(log))));
    }
    if !ready {
        process.end(Signal::TERM, Duration::from_secs(10))?;
        return Err(Problem::said(format!(
            "the server gave no good answer to GET /healthz within {} s{}",
            SERVER_READY.as_secs(),
            last_lines(log)
        )));
    }
    Ok(())
}

/// The server's binary with the settings for our Redis and Postgres: in its environment, as arguments are for all to see.
///
/// # Errors
/// When a part was not started before.
pub fn server_command(layout: &Layout, state: &State) -> Result<Command> {
    let (Some(redis), Some(postgres)) = (state.redis_port, state.postgres_port) else {
        return Err(Problem::said("Redis and Postgres were not started yet"));
    };
    let password = read_secret(&postgres_secret(layout))?;
    let mut command = Command::new(layout.server_binary());
    run::clean(&mut command);
    command
        .current_dir(layout.root())
        .env("DATABASE_URL", format!("postgres://tidemark:{password}@127.0.0.1:{postgres}/tidemark"))
        .env("REDIS_URL", format!("redis://127.0.0.1:{redis}"));
    Ok(command)
}

/// What the server has to know of the built site, as the workspace's manifest tells cargo-leptos.
pub fn serve_settings(command: &mut Command, layout: &Layout, addr: SocketAddr) {
    command
        .env("LEPTOS_OUTPUT_NAME", "tidemark")
        .env("LEPTOS_SITE_ROOT", layout.site())
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

/// Whether a part runs already, with a line that says so.
fn found(part: Part, state: &State) -> bool {
    let Some(running) = state.running(part).filter(|it| it.process().is_some()) else { return false };
    let port = state.port(part).map(|port| format!(", port {port}")).unwrap_or_default();
    say::done(&format!("{} runs already (process {}{port})", part.name(), running.pid));
    true
}

/// The port of last time or the usual one; when somebody else has it, a free one that is remembered.
fn choose_port(part: Part, remembered: Option<u16>, usual: u16) -> Result<u16> {
    let wanted = remembered.unwrap_or(usual);
    if port_is_free(wanted) {
        return Ok(wanted);
    }
    let port = free_port()?;
    let holder = port_holder::of(wanted).map(|who| format!(" by {who}")).unwrap_or_default();
    say::note(&format!("port {wanted} is taken{holder}; {} gets {port}", part.name()));
    Ok(port)
}

/// Where Postgres keeps its data: below the checkout if the server's user gets there, otherwise in `/var/lib/tidemark`.
fn postgres_data(layout: &Layout, state: &State) -> Result<PathBuf> {
    if let Some(dir) = &state.postgres_data {
        return Ok(dir.clone());
    }
    let usual = layout.kept().join("postgres");
    if data_folder_is_reachable(&usual)? {
        return Ok(usual);
    }
    let dir = Path::new("/var/lib/tidemark").join(path_hash(layout.root()));
    fs::create_dir_all(&dir).map_err(Problem::io(format!("cannot make {}", dir.display())))?;
    say::note(&format!(
        "PostgreSQL does not run as root, and its user cannot enter {}: its data is in {}",
        layout.root().display(),
        dir.display()
    ));
    Ok(dir.join("postgres"))
}

fn postgres_secret(layout: &Layout) -> PathBuf {
    layout.secrets().join("postgres")
}

/// The password that the data folder was made with, or a new one for a new folder.
fn postgres_password(layout: &Layout, data: &Path) -> Result<String> {
    let path = postgres_secret(layout);
    if path.exists() {
        return read_secret(&path);
    }
    if data.join("PG_VERSION").exists() {
        return Err(Problem::said(format!(
            "{} is missing, the password of the data in {}: put it back, or move the data away to begin anew",
            path.display(),
            data.display()
        )));
    }
    let password = random_secret()?;
    File::options()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut file| file.write_all(password.as_bytes()))
        .map_err(Problem::io(format!("cannot write {}", path.display())))?;
    Ok(password)
}

fn read_secret(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).map_err(Problem::io(format!("cannot read {}", path.display())))?;
    Ok(text.trim().to_owned())
}

/// A part's log; one that grew long is put aside first.
fn fresh_log(part: Part, layout: &Layout) -> Result<PathBuf> {
    let log = part.log(layout);
    if fs::metadata(&log).is_ok_and(|meta| meta.len() > LOG_LIMIT) {
        fs::rename(&log, log.with_extension("log.1"))
            .map_err(Problem::io(format!("cannot put {} aside", log.display())))?;
    }
    Ok(log)
}

/// The end of a log, indented, for a message.
fn last_lines(log: &Path) -> String {
    let text = fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].iter().map(|line| format!("\n  {line}")).collect()
}
