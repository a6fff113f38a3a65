//! A private Redis server.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tempfile::TempDir;

use crate::{Error, Patience, Process, Result, Signal, find_program, free_port, guard::Guard, programs};

/// Longest wait for an ephemeral server's answer.
pub(crate) const PATIENCE: Patience = Patience::silent(Duration::from_secs(60));
/// Longest wait for an orderly end, which saves a snapshot first.
const STOP: Duration = Duration::from_secs(30);

/// What a Redis server keeps across restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing.
    None,
    /// A snapshot every 15 minutes if anything changed, and an append-only file synced every second.
    SnapshotAndLog,
}

/// How to start a Redis server.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// Working folder: data and `redis.conf`. Made if missing.
    pub dir: PathBuf,
    /// Port on 127.0.0.1.
    pub port: u16,
    /// What it keeps.
    pub durability: Durability,
    /// Memory limit in bytes. Past it, keys with a lifetime go, least used first (`volatile-lfu`).
    pub max_memory: u64,
    /// Where its output goes, appended; nowhere if `None`.
    pub log: Option<PathBuf>,
    /// Further lines of `redis.conf`, as (directive, value); they overrule the others.
    pub extra: Vec<(String, String)>,
    /// How long to wait for its first answer: a large append-only file is read first.
    pub patience: Patience,
}

impl RedisOptions {
    /// The text of `redis.conf`. See <https://redis.io/docs/latest/operate/oss_and_stack/management/config-file/>.
    #[must_use]
    pub fn config(&self) -> String {
        let keep = match self.durability {
            Durability::None => "save \"\"\nappendonly no\n",
            Durability::SnapshotAndLog => "save 900 1\nappendonly yes\nappendfsync everysec\n",
        };
        let mut text = format!(
            "bind 127.0.0.1\nprotected-mode yes\nport {}\ndir \"{}\"\ndaemonize no\nlogfile \"\"\n\
             maxmemory {}\nmaxmemory-policy volatile-lfu\n{keep}",
            self.port,
            escape(&self.dir.to_string_lossy()),
            self.max_memory,
        );
        for (directive, value) in &self.extra {
            text.push_str(&format!("{directive} {value}\n"));
        }
        text
    }
}

/// Inside double quotes Redis reads backslash escapes.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A Redis server that this process started. All methods take `&self`, so that it can be shared by the tasks of a test.
///
/// An ephemeral one is killed and its folder removed on drop; any other is left running.
#[derive(Debug)]
pub struct RedisServer {
    options: RedisOptions,
    /// Another program than the `redis-server` on PATH.
    program: Option<PathBuf>,
    running: Mutex<Option<Running>>,
    /// Removed after the process: fields drop in this order.
    temporary: Option<TempDir>,
}

#[derive(Debug)]
struct Running {
    process: Process,
    guard: Option<Guard>,
}

impl RedisServer {
    /// Starts a server with nothing to keep, on a free port, in a temporary folder. It answers when this returns.
    ///
    /// # Errors
    /// [`Error::Missing`] without `redis-server`, [`Error::Failed`] or [`Error::Timeout`] when it does not start.
    pub fn ephemeral() -> Result<Self> {
        Self::ephemeral_with(&[])
    }

    /// As [`RedisServer::ephemeral`], with further lines of `redis.conf`, such as `("maxmemory", "4mb")`.
    ///
    /// # Errors
    /// As [`RedisServer::ephemeral`].
    pub fn ephemeral_with(extra: &[(&str, &str)]) -> Result<Self> {
        let extra = extra.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::ephemeral_at(free_port()?, extra, None)
    }

    /// As [`RedisServer::ephemeral`], by another program than the `redis-server` on PATH: of another release, or Valkey.
    ///
    /// # Errors
    /// As [`RedisServer::ephemeral`].
    pub fn ephemeral_by(program: &Path) -> Result<Self> {
        Self::ephemeral_at(free_port()?, Vec::new(), Some(program.to_owned()))
    }

    /// As [`RedisServer::ephemeral_with`], on this port, by this program or the one on PATH.
    ///
    /// # Errors
    /// As [`RedisServer::ephemeral`].
    pub(crate) fn ephemeral_at(
        port: u16,
        extra: Vec<(String, String)>,
        program: Option<PathBuf>,
    ) -> Result<Self> {
        let temporary = tempfile::Builder::new()
            .prefix("tidemark-redis-")
            .tempdir()
            .map_err(Error::io("cannot make a temporary folder"))?;
        let options = RedisOptions {
            dir: temporary.path().to_owned(),
            port,
            durability: Durability::None,
            max_memory: 256 << 20,
            log: Some(temporary.path().join("redis.log")),
            extra,
            patience: PATIENCE,
        };
        let server = Self { options, program, running: Mutex::new(None), temporary: Some(temporary) };
        server.start()?;
        Ok(server)
    }

    /// Starts a server with these options and waits until it answers. One that does not answer in time is left running: it may still
    /// read its data.
    ///
    /// # Errors
    /// As [`RedisServer::ephemeral`]; [`Error::Io`] when its folder or `redis.conf` cannot be written.
    pub fn start_with(options: RedisOptions) -> Result<Self> {
        let server = Self::launch_with(options)?;
        server.wait_until_ready()?;
        Ok(server)
    }

    /// As [`RedisServer::start_with`], without the wait.
    ///
    /// # Errors
    /// As [`RedisServer::start_with`].
    pub fn launch_with(options: RedisOptions) -> Result<Self> {
        let server = Self { options, program: None, running: Mutex::new(None), temporary: None };
        server.launch()?;
        Ok(server)
    }

    /// Starts it again after [`RedisServer::kill`] or [`RedisServer::stop`], on the same port and folder, and waits until
    /// it answers. One that runs is left as it is.
    ///
    /// # Errors
    /// As [`RedisServer::ephemeral`].
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
        let program =
            self.program.clone().or_else(|| find_program("redis-server")).ok_or_else(|| Error::Missing {
                program: "redis-server".to_owned(),
                hint: "looked on PATH and in the usual folders".to_owned(),
            })?;
        fs::create_dir_all(&self.options.dir).map_err(Error::path("make the folder", &self.options.dir))?;
        if self.temporary.is_none() {
            remove_unfinished(&self.options.dir);
        }
        let config = self.options.dir.join("redis.conf");
        write_private(&config, &self.options.config())?;
        let (out, err) = output_to(self.options.log.as_deref())?;
        let process = Process::spawn(
            Command::new(program)
                .arg(&config)
                .current_dir(&self.options.dir)
                .stdin(Stdio::null())
                .stdout(out)
                .stderr(err)
                // Ctrl-C in a terminal is for us, who then stop things in order.
                .process_group(0),
        )?;
        let guard = match &self.temporary {
            Some(dir) => Some(Guard::over(process.pid(), dir.path())?),
            None => None,
        };
        *running = Some(Running { process, guard });
        Ok(())
    }

    /// Waits until it answers. An ephemeral one that does not answer in time is ended; any other is left running.
    ///
    /// # Errors
    /// [`Error::Failed`] when it has ended, [`Error::Timeout`] when it does not answer in time.
    pub fn wait_until_ready(&self) -> Result<()> {
        let what = format!("redis-server on port {}", self.options.port);
        let log = || self.options.log.as_deref().map(programs::tail).unwrap_or_default();
        let mut running = self.lock();
        let Some(it) = running.as_mut() else {
            return Err(Error::Failed { what, detail: "it was not started".to_owned() });
        };
        let mut ended = None;
        let ready = self.options.patience.wait(self.options.log.as_deref(), || {
            ended = it.process.exit_status();
            ended.is_some() || self.answers()
        });
        if let Some(status) = ended {
            *running = None;
            return Err(Error::Failed { what, detail: format!("{status}{}", log()) });
        }
        if !ready {
            if self.temporary.is_some() {
                it.process.end(Signal::KILL, STOP)?;
                *running = None;
            }
            return Err(Error::Timeout {
                what: format!("an answer of {what}"),
                after: self.options.patience.bound,
                detail: log(),
            });
        }
        Ok(())
    }

    /// Its port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.options.port
    }

    /// `redis://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.options.port)
    }

    /// Its process number while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.lock().as_ref().map(|it| it.process.pid())
    }

    /// Whether the process runs (a paused one does).
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.lock().as_mut().is_some_and(|it| it.process.is_alive())
    }

    /// Whether it answers a PING now, within one second.
    #[must_use]
    pub fn answers(&self) -> bool {
        ping(self.options.port)
    }

    /// SIGKILL, and waits for the end.
    ///
    /// # Errors
    /// [`Error::Timeout`] when the process does not go.
    pub fn kill(&self) -> Result<()> {
        self.end(Signal::KILL)
    }

    /// An orderly end: saves what it is to keep, then exits. Killed when that takes over 30 s.
    ///
    /// # Errors
    /// As [`RedisServer::kill`].
    pub fn stop(&self) -> Result<()> {
        self.end(Signal::TERM)
    }

    /// SIGSTOP: connections stay open and nothing answers.
    ///
    /// # Errors
    /// [`Error::Io`] when the system does not allow it.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT: undoes [`RedisServer::pause`].
    ///
    /// # Errors
    /// As [`RedisServer::pause`].
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        self.lock().as_mut().map_or(Ok(()), |it| it.process.signal(signal))
    }

    fn end(&self, signal: Signal) -> Result<()> {
        let Some(mut it) = self.lock().take() else { return Ok(()) };
        let ended = it.process.end(signal, STOP).map(drop);
        drop(it.guard.take());
        ended
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if self.temporary.is_some() {
            // Nobody is left to tell; the guard and the system clean up what this could not.
            drop(self.kill());
        }
    }
}

/// An inline PING, see <https://redis.io/docs/latest/develop/reference/protocol-spec/#inline-commands>. While it loads its
/// data the server answers `-LOADING`, which is not ready yet.
fn ping(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let bound = Duration::from_secs(1);
    let answer = || -> std::io::Result<bool> {
        let mut stream = TcpStream::connect_timeout(&address, bound)?;
        stream.set_read_timeout(Some(bound))?;
        stream.set_write_timeout(Some(bound))?;
        stream.write_all(b"PING\r\n")?;
        let mut start = [0_u8; 5];
        stream.read_exact(&mut start)?;
        Ok(&start == b"+PONG")
    };
    answer().unwrap_or(false)
}

/// Removes the snapshots and rewrites that a killed server had not finished: it never reads them again, and each is as large
/// as the data.
fn remove_unfinished(dir: &Path) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("temp-") && (name.ends_with(".rdb") || name.ends_with(".aof")) {
            // One that stays does no harm but to the disk.
            drop(fs::remove_file(entry.path()));
        }
    }
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, text: &str) -> Result<()> {
    File::options()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::path("write", path))
}

/// Standard output and error for a server: appended to its log, or thrown away.
pub(crate) fn output_to(log: Option<&Path>) -> Result<(Stdio, Stdio)> {
    let Some(log) = log else { return Ok((Stdio::null(), Stdio::null())) };
    let file = File::options()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(log)
        .map_err(Error::path("open the log", log))?;
    let second = file.try_clone().map_err(Error::path("open the log", log))?;
    Ok((file.into(), second.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_says_what_is_kept() {
        let mut options = RedisOptions {
            dir: PathBuf::from("/a \"b\""),
            port: 6390,
            durability: Durability::SnapshotAndLog,
            max_memory: 1024,
            log: None,
            extra: vec![("maxmemory".to_owned(), "4mb".to_owned())],
            patience: PATIENCE,
        };
        let text = options.config();
        for line in [
            "bind 127.0.0.1",
            "port 6390",
            "dir \"/a \\\"b\\\"\"",
            "maxmemory-policy volatile-lfu",
            "save 900 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line} in {text}");
        }
        assert!(text.contains("appendonly yes\nappendfsync everysec\n"));
        assert!(text.ends_with("maxmemory 4mb\n"), "the last line wins");
        options.durability = Durability::None;
        assert!(options.config().contains("save \"\"\nappendonly no\n"));
    }
}
