//! A private PostgreSQL server.

mod account;
mod cluster;
mod leftovers;
mod programs;

use std::{
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tempfile::TempDir;

pub use account::{data_folder_is_reachable, data_folder_is_stopped_at, data_folder_owner, server_account};
pub use leftovers::{FoundPostgres, last_port_of, left_of_postgres, postgres_on};
use programs::{Programs, run};

use crate::{
    Error, Patience, Process, Result, Signal, free_port,
    guard::Guard,
    process::{children_of, send},
    programs::tail,
    redis::output_to,
    wait_until,
};

/// Longest wait for an ephemeral server to be ready.
const PATIENCE: Patience = Patience::silent(Duration::from_secs(120));
/// Longest wait for an orderly end, which writes a checkpoint.
const STOP: Duration = Duration::from_secs(60);
/// Name of the superuser and of the database.
const NAME: &str = "tidemark";

/// How to start a PostgreSQL server that keeps its data.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Data folder; made by `initdb` if it is missing. See [`data_folder_is_reachable`].
    pub dir: PathBuf,
    /// Port on 127.0.0.1. There is no Unix socket.
    pub port: u16,
    /// Password of the superuser `tidemark`, used when the data folder is made; it must be safe in a URL.
    pub password: String,
    /// Where its output goes, appended; nowhere if `None`.
    pub log: Option<PathBuf>,
    /// How long to wait until it takes connections: after a crash it recovers first.
    pub patience: Patience,
}

/// A PostgreSQL server that this process started. All methods take `&self`, so that it can be shared by the tasks of a
/// test.
///
/// An ephemeral one is killed and its folder removed on drop; any other is left running.
#[derive(Debug)]
pub struct PostgresServer {
    options: PostgresOptions,
    programs: Programs,
    running: Mutex<Option<Running>>,
    databases: AtomicU32,
    /// Removed after the process: fields drop in this order.
    temporary: Option<TempDir>,
}

#[derive(Debug)]
struct Running {
    process: Process,
    guard: Option<Guard>,
}

impl PostgresServer {
    /// Starts a server with an empty database `tidemark`, on a free port, in a temporary folder, with data that
    /// outlives the process but not the machine (`fsync=off`). It takes connections when this returns.
    ///
    /// # Errors
    /// [`Error::Missing`] without PostgreSQL (or, as root, without its user), [`Error::Failed`] or [`Error::Timeout`]
    /// when it does not start.
    pub fn ephemeral() -> Result<Self> {
        let programs = Programs::find(None)?;
        let temporary = tempfile::Builder::new()
            .prefix("tidemark-postgres-")
            .tempdir_in(account::temporary_base(programs.account))
            .map_err(Error::io("cannot make a temporary folder"))?;
        if let Some(account) = programs.account {
            account.own(temporary.path())?;
        }
        let dir = temporary.path().join("data");
        let password = cluster::copy_template(&programs, &dir, NAME, NAME)?;
        let log = Some(temporary.path().join("postgres.log"));
        let options = PostgresOptions { dir, port: free_port()?, password, log, patience: PATIENCE };
        let server = Self::new(options, programs, Some(temporary));
        server.start()?;
        Ok(server)
    }

    /// Starts a server on its data folder, which is made first if it is missing, and waits until it takes connections. One
    /// that is not ready in time is left running: an interrupted recovery starts again from the beginning.
    ///
    /// # Errors
    /// As [`PostgresServer::ephemeral`]; [`Error::Missing`] also when the data is of a version that is not installed.
    pub fn start_with(options: PostgresOptions) -> Result<Self> {
        let server = Self::launch_with(options)?;
        server.wait_until_ready()?;
        Ok(server)
    }

    /// As [`PostgresServer::start_with`], without the wait.
    ///
    /// # Errors
    /// As [`PostgresServer::start_with`].
    pub fn launch_with(options: PostgresOptions) -> Result<Self> {
        let exists = options.dir.join("PG_VERSION").exists();
        let programs = Programs::find(exists.then_some(options.dir.as_path()))?;
        if !exists {
            cluster::create(&programs, &options.dir, NAME, &options.password, NAME, &["--data-checksums"])?;
        }
        let server = Self::new(options, programs, None);
        server.launch()?;
        Ok(server)
    }

    fn new(options: PostgresOptions, programs: Programs, temporary: Option<TempDir>) -> Self {
        Self { options, programs, running: Mutex::new(None), databases: AtomicU32::new(0), temporary }
    }

    /// Starts it again after [`PostgresServer::kill`] or [`PostgresServer::stop`], on the same port and folder, and waits
    /// until it takes connections. One that runs is left as it is.
    ///
    /// # Errors
    /// As [`PostgresServer::ephemeral`].
    pub fn start(&self) -> Result<()> {
        if self.is_running() {
            return Ok(());
        }
        self.launch()?;
        self.wait_until_ready()
    }

    fn launch(&self) -> Result<()> {
        let mut running = self.lock();
        *running = None;
        if self.temporary.is_none() {
            leftovers::clear(&self.options.dir)?;
        }
        let (out, err) = output_to(self.options.log.as_deref())?;
        let mut command = self.programs.command("postgres", &self.options.dir);
        command.arg("-D").arg(&self.options.dir);
        let port = format!("port={}", self.options.port);
        let mut settings = vec![port.as_str(), "listen_addresses=127.0.0.1", "unix_socket_directories="];
        if self.temporary.is_some() {
            // Commits still reach the system, so that a killed server has lost nothing; only a killed machine would.
            settings.extend(["fsync=off", "full_page_writes=off", "shared_buffers=32MB"]);
        }
        for setting in settings {
            command.args(["-c", setting]);
        }
        let process = Process::spawn(command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0))?;
        let guard = match &self.temporary {
            Some(dir) => Some(Guard::over(process.pid(), dir.path())?),
            None => None,
        };
        *running = Some(Running { process, guard });
        Ok(())
    }

    /// Waits until it takes connections. An ephemeral one that is not ready in time is ended; any other is left running.
    ///
    /// # Errors
    /// [`Error::Failed`] when it has ended, [`Error::Timeout`] when it is not ready in time.
    pub fn wait_until_ready(&self) -> Result<()> {
        let what = format!("postgres on port {}", self.options.port);
        let log = || self.options.log.as_deref().map(tail).unwrap_or_default();
        let mut running = self.lock();
        let Some(it) = running.as_mut() else {
            return Err(Error::Failed { what, detail: "it was not started".to_owned() });
        };
        let mut ended = None;
        let ready = self.options.patience.wait(self.options.log.as_deref(), || {
            ended = it.process.exit_status();
            ended.is_some() || says_ready(&self.options.dir, it.process.pid())
        });
        if let Some(status) = ended {
            *running = None;
            return Err(Error::Failed { what, detail: format!("{status}{}", log()) });
        }
        if !ready {
            if self.temporary.is_some() {
                it.process.end(Signal::QUIT, STOP)?;
                *running = None;
            }
            let after = self.options.patience.bound;
            return Err(Error::Timeout { what: format!("readiness of {what}"), after, detail: log() });
        }
        Ok(())
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.options.port
    }

    /// The URL of database `tidemark`, **with the password**: `postgres://tidemark:…@127.0.0.1:PORT/tidemark`.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_of(NAME)
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://{NAME}:{}@127.0.0.1:{}/{database}", self.options.password, self.options.port)
    }

    /// Makes a new empty database on this server and returns its URL, for tests that must not meet each other.
    ///
    /// # Errors
    /// [`Error::Failed`] with what `psql` said.
    pub fn create_database(&self) -> Result<String> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("{NAME}_{}_{number}", std::process::id());
        self.psql("postgres", &["-c", &format!("CREATE DATABASE {name} TEMPLATE template0")])?;
        Ok(self.url_of(&name))
    }

    /// Runs SQL on database `tidemark` and returns what `psql` prints: rows a line each, columns divided by `|`.
    ///
    /// # Errors
    /// [`Error::Failed`] with what `psql` said; a statement may take a minute at most.
    pub fn execute(&self, sql: &str) -> Result<String> {
        self.psql(NAME, &["-c", sql])
    }

    /// Runs a file of SQL on database `tidemark`, in one transaction.
    ///
    /// # Errors
    /// As [`PostgresServer::execute`].
    pub fn execute_file(&self, file: &Path) -> Result<()> {
        self.psql(NAME, &["--single-transaction", "-f", &file.to_string_lossy()]).map(drop)
    }

    fn psql(&self, database: &str, args: &[&str]) -> Result<String> {
        let mut command = Command::new(self.programs.bin.join("psql"));
        command
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"])
            .args(args)
            .env("PGHOST", "127.0.0.1")
            .env("PGPORT", self.options.port.to_string())
            .env("PGUSER", NAME)
            .env("PGPASSWORD", &self.options.password)
            .env("PGDATABASE", database)
            .env("PGSSLMODE", "disable")
            .env("PGCONNECT_TIMEOUT", "10")
            .env("PGOPTIONS", "-c statement_timeout=60s -c lock_timeout=60s");
        run(&mut command, "")
    }

    /// Its main process's number while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.lock().as_ref().map(|it| it.process.pid())
    }

    /// Whether the main process runs (a paused one does).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.lock().as_mut().is_some_and(|it| it.process.is_alive())
    }

    /// SIGKILL to all its processes, and waits for the end. The next start recovers.
    ///
    /// # Errors
    /// [`Error::Timeout`] when a process does not go.
    pub fn kill(&self) -> Result<()> {
        let Some(mut it) = self.lock().take() else { return Ok(()) };
        // The main process first, stopped, so that it starts no more children; then they, as the next start is refused
        // while one of them holds the shared memory.
        it.process.signal(Signal::STOP)?;
        let children = children_of(it.process.pid());
        let ended = it.process.end(Signal::KILL, STOP).map(drop);
        for child in &children {
            send(*child, Signal::KILL)?;
        }
        drop(it.guard.take());
        ended?;
        if wait_until(STOP, || children.iter().all(|child| crate::mark_of(*child).is_none())) {
            return Ok(());
        }
        Err(Error::Timeout {
            what: "the end of postgres' children".to_owned(),
            after: STOP,
            detail: String::new(),
        })
    }

    /// An orderly end ("fast shutdown"): connections are cut, the data is written. Killed when that takes over 60 s.
    ///
    /// # Errors
    /// As [`PostgresServer::kill`].
    pub fn stop(&self) -> Result<()> {
        let Some(mut it) = self.lock().take() else { return Ok(()) };
        for child in children_of(it.process.pid()) {
            send(child, Signal::CONT)?;
        }
        let ended = it.process.end(Signal::INT, STOP).map(drop);
        drop(it.guard.take());
        ended
    }

    /// SIGSTOP to all its processes: connections stay open and nothing answers.
    ///
    /// # Errors
    /// [`Error::Io`] when the system does not allow it.
    pub fn pause(&self) -> Result<()> {
        self.signal_all(Signal::STOP)
    }

    /// SIGCONT: undoes [`PostgresServer::pause`].
    ///
    /// # Errors
    /// As [`PostgresServer::pause`].
    pub fn resume(&self) -> Result<()> {
        self.signal_all(Signal::CONT)
    }

    /// Connections are children of the main process, each in a session of its own: no group holds them together.
    fn signal_all(&self, signal: Signal) -> Result<()> {
        let mut running = self.lock();
        let Some(it) = running.as_mut() else { return Ok(()) };
        it.process.signal(signal)?;
        children_of(it.process.pid()).into_iter().try_for_each(|child| send(child, signal))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        if self.temporary.is_some() {
            // Nobody is left to tell; the guard and the system clean up what this could not.
            drop(self.kill());
        }
    }
}

/// The main process keeps its state in line 8 of `postmaster.pid`, its number in line 1; `pg_ctl` reads the same
/// (PostgreSQL's `src/include/utils/pidfile.h`).
fn says_ready(dir: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(dir.join("postmaster.pid")) else { return false };
    let mut lines = text.lines();
    lines.next() == Some(pid.to_string().as_str())
        && lines.nth(6).is_some_and(|state| state.trim() == "ready")
}
