//! Postgres as a part.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use local_servers::{PostgresOptions, PostgresServer, random_secret};

use super::{LogStart, PATIENCE, Part, choose_port, found, fresh_log, read_secret};
use crate::{
    elsewhere, explain,
    layout::Layout,
    preflight::refused,
    problem::{Problem, Result},
    recover,
    running::Running,
    say,
    state::State,
};

/// Postgres's port unless it is taken.
pub(super) const POSTGRES_PORT: u16 = 5442;

/// Starts Postgres, unless it runs, and waits until it takes connections; makes its data folder at first.
///
/// # Errors
/// When it does not start.
pub fn start_postgres(layout: &Layout, state: &mut State) -> Result<()> {
    if found(Part::Postgres, layout, state)? {
        return Ok(());
    }
    let port = choose_port(Part::Postgres, state, POSTGRES_PORT)?;
    let log = fresh_log(Part::Postgres, layout);
    let step = say::Step::begin(format!("Postgres on 127.0.0.1:{port}"));
    let done = launch_postgres(layout, state, port, &log).and_then(|server| {
        // Noted before it is ready: a recovery takes minutes, and whoever comes meanwhile must know of it.
        state.save(layout)?;
        let dir = state.postgres_data.clone().unwrap_or_default();
        let ready = server.wait_until_ready();
        ready.map_err(|error| explain::not_started(layout, Part::Postgres, &dir, log.end, &error))
    });
    step.end(done.is_ok());
    done
}

/// Starts its process and notes it in the state, without a wait.
///
/// # Errors
/// When that fails at once.
pub(super) fn launch_postgres(
    layout: &Layout,
    state: &mut State,
    port: u16,
    log: &LogStart,
) -> Result<PostgresServer> {
    let dir = postgres_data(layout, state)?;
    if !dir.join("PG_VERSION").exists() {
        state.imported = None;
    }
    let password = postgres_password(layout, &dir)?;
    let server = PostgresServer::launch_with(PostgresOptions {
        password,
        dir: dir.clone(),
        port,
        log: Some(log.path.clone()),
        patience: PATIENCE,
    });
    let server =
        server.map_err(|error| explain::not_started(layout, Part::Postgres, &dir, log.end, &error))?;
    state.postgres_port = Some(port);
    state.postgres_data = Some(dir);
    state.postgres = server.pid().and_then(Running::note);
    Ok(server)
}

/// An error when the data is not there. A database that was served is not replaced by an empty one, as its disk may only be
/// unmounted.
///
/// # Errors
/// When the data folder holds no database.
pub(super) fn require_data(layout: &Layout, state: &State) -> Result<()> {
    let dir = recover::postgres_data(layout, state)?;
    if dir.join("PG_VERSION").exists() {
        return Ok(());
    }
    Err(Problem::said(format!(
        "postgres is not started: its data is gone from {} (is its disk mounted?). `cargo deploy down` and `up` make a new \
         database there",
        dir.display()
    )))
}

/// [`recover::postgres_data`], with the folders above it; says so when it is not in the checkout.
fn postgres_data(layout: &Layout, state: &State) -> Result<PathBuf> {
    let dir = recover::postgres_data(layout, state)?;
    if dir.starts_with(layout.root()) {
        return Ok(dir);
    }
    elsewhere::make_above(&dir)?;
    elsewhere::claim(layout, state, &dir)?;
    if state.postgres_data.is_some() {
        return Ok(dir);
    }
    say::note(&format!(
        "PostgreSQL does not run as root, and its user cannot enter {}: its data is in {}",
        layout.root().display(),
        dir.parent().unwrap_or(&dir).display()
    ));
    Ok(dir)
}

/// Where the password is kept.
pub(super) fn postgres_secret(layout: &Layout) -> PathBuf {
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
        .and_then(|mut file| {
            file.write_all(password.as_bytes())?;
            // The data folder is of no use without it, also after a power cut.
            file.sync_all()
        })
        .map_err(|error| {
            // A half of it would be taken for the whole the next time.
            drop(fs::remove_file(&path));
            refused(&path, &error)
        })?;
    Ok(password)
}
