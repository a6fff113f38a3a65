//! What a PostgreSQL that was killed leaves in its data folder, and what of it still runs.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    Error, Result, Signal,
    process::{exists, send},
    search, wait_until,
};

/// Longest wait for the children of a main process that was killed: they notice and end by themselves.
const CHILDREN: Duration = Duration::from_secs(10);
/// Longest wait for those that were killed.
const KILLED: Duration = Duration::from_secs(10);

/// A main process that runs on a data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundPostgres {
    /// Its number.
    pub pid: u32,
    /// Its port on 127.0.0.1.
    pub port: u16,
    /// Whether it takes connections; it does not while it recovers.
    pub ready: bool,
}

/// `postmaster.pid`: number in line 1, port in line 4, see PostgreSQL's `src/include/utils/pidfile.h`.
struct LockFile {
    path: PathBuf,
    pid: u32,
    port: Option<u16>,
}

impl LockFile {
    fn read(dir: &Path) -> Option<Self> {
        let path = dir.join("postmaster.pid");
        let text = fs::read_to_string(&path).ok()?;
        let mut lines = text.lines();
        let pid = lines.next()?.trim().parse().ok()?;
        Some(Self { path, pid, port: lines.nth(2).and_then(|port| port.trim().parse().ok()) })
    }

    /// Whether the process is the main one of this data folder, rather than one that got the number since. It works in the
    /// folder, however that was named to it; where the system hides this from us, its call may tell.
    fn is_in_force(&self, dir: &Path) -> bool {
        crate::mark_of(self.pid).is_some()
            && (!cfg!(target_os = "linux")
                || search::works_in(self.pid, "postgres", dir)
                || search::is_called_with(self.pid, "postgres", dir.as_os_str()))
    }
}

/// The main process that runs on this data folder, whoever started it.
#[must_use]
pub fn postgres_on(dir: &Path) -> Option<FoundPostgres> {
    let lock = LockFile::read(dir).filter(|lock| lock.is_in_force(dir))?;
    Some(FoundPostgres { pid: lock.pid, port: lock.port?, ready: super::says_ready(dir, lock.pid) })
}

/// Numbers of what is left of a server whose main process was killed: its children, which notice that and end by themselves.
/// A server cannot be started until then. None while a main process runs.
#[must_use]
pub fn left_of_postgres(dir: &Path) -> Vec<u32> {
    if LockFile::read(dir).is_some_and(|lock| lock.is_in_force(dir)) {
        return Vec::new();
    }
    search::working_in("postgres", dir).unwrap_or_default()
}

/// The port that the data folder's server had the last time, as it noted it.
#[must_use]
pub fn last_port_of(dir: &Path) -> Option<u16> {
    let noted = LockFile::read(dir).and_then(|lock| lock.port);
    noted.or_else(|| {
        let call = fs::read_to_string(dir.join("postmaster.opts")).ok()?;
        call.split("port=").nth(1)?.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    })
}

/// Clears the way for a start after a kill: waits for the end of what is left of the old server, ending it past a bound, and
/// removes a lock file whose number another process has by now, which PostgreSQL would take for a living server.
///
/// # Errors
/// When something of the old server does not end, or the lock file cannot be removed.
pub(super) fn clear(dir: &Path) -> Result<()> {
    let lock = LockFile::read(dir);
    if lock.as_ref().is_some_and(|lock| lock.is_in_force(dir)) {
        // A living server: PostgreSQL refuses the start itself, and says so.
        return Ok(());
    }
    let Some(mut left) = search::working_in("postgres", dir) else { return Ok(()) };
    let mut none_is_left = |bound| {
        wait_until(bound, || {
            left = search::working_in("postgres", dir).unwrap_or_default();
            left.is_empty()
        })
    };
    if !none_is_left(CHILDREN) {
        for pid in search::working_in("postgres", dir).unwrap_or_default() {
            send(pid, Signal::KILL)?;
        }
        if !none_is_left(KILLED) {
            return Err(Error::Timeout {
                what: format!("the end of what a killed postgres left running in {}", dir.display()),
                after: KILLED,
                detail: format!(" (processes {left:?})"),
            });
        }
    }
    match lock {
        // Taken by somebody else, or by what is left of the old one until its parent looks after it.
        Some(lock) if exists(lock.pid) => {
            fs::remove_file(&lock.path).map_err(Error::path("remove", &lock.path))
        }
        _ => Ok(()),
    }
}
