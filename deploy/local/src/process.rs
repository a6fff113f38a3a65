//! A running process, our own child or one found by its number.

use std::{
    fs,
    process::{Child, Command, ExitStatus},
    time::Duration,
};

pub use rustix::process::Signal;
use rustix::process::{Pid, WaitOptions, kill_process, test_kill_process, waitpid};

use crate::{Error, Result, wait_until};

/// Tells one process from a later one with the same number: boot and start time, as the system tells them.
pub type ProcessMark = String;

/// The mark of the living process with this number; `None` when there is none, or only a zombie.
///
/// Linux: the boot id and field 22 (start time in ticks) of `/proc/PID/stat`, see proc(5). Elsewhere: `ps -o lstart=`.
#[must_use]
pub fn mark_of(pid: u32) -> Option<ProcessMark> {
    if cfg!(target_os = "linux") {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let start = start_of(&stat)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        return Some(format!("{}:{start}", boot.trim()));
    }
    let out = Command::new("ps").args(["-o", "stat=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&out.stdout);
    let (state, start) = text.trim().split_once(char::is_whitespace)?;
    (!state.starts_with('Z')).then(|| start.trim().to_owned())
}

/// Start time out of a line of `/proc/PID/stat`, unless the process is dead already. The second field, the program's
/// name in brackets, may hold spaces and brackets itself: count from the last one.
fn start_of(stat: &str) -> Option<&str> {
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)
}

/// Numbers of the living children of `pid`.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    // `ps -A -o pid=,ppid=` is POSIX; on Linux /proc spares the package.
    if !cfg!(target_os = "linux") {
        let Ok(out) = Command::new("ps").args(["-A", "-o", "pid=,ppid="]).output() else { return Vec::new() };
        return String::from_utf8_lossy(&out.stdout)
            .lines()
            .filter_map(|line| {
                let (child, parent) = line.trim().split_once(char::is_whitespace)?;
                (parent.trim() == pid.to_string()).then(|| child.parse().ok()).flatten()
            })
            .collect();
    }
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name();
            let child: u32 = name.to_str()?.parse().ok()?;
            let stat = fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
            let parent = stat[stat.rfind(')')? + 1..].split_whitespace().nth(1)?;
            (parent == pid.to_string()).then_some(child)
        })
        .collect()
}

/// Lets go of an ended child that nobody waits for, whose number is taken until then. PostgreSQL does not start where its
/// lock file names a number that is taken. A process that lives or is not our child is left alone.
pub fn reap(pid: u32) {
    if let Some(child) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // Somebody else's child is an error here, and needs nothing of us.
        waitpid(Some(child), WaitOptions::NOHANG).ok();
    }
}

/// Whether the number is taken, be it by a process that has ended and nobody has waited for.
pub(crate) fn exists(pid: u32) -> bool {
    i32::try_from(pid).ok().and_then(Pid::from_raw).is_some_and(|pid| {
        // EPERM: it exists and is somebody else's.
        !matches!(test_kill_process(pid), Err(rustix::io::Errno::SRCH))
    })
}

/// Sends a signal; a process that is gone already is no error.
pub(crate) fn send(pid: u32, signal: Signal) -> Result<()> {
    let Some(target) = i32::try_from(pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
    match kill_process(target, signal) {
        Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
        Err(errno) => Err(Error::Io { what: format!("cannot signal process {pid}"), source: errno.into() }),
    }
}

/// A process that can be asked whether it lives, signalled, and waited for. Dropping it leaves it running.
#[derive(Debug)]
pub struct Process {
    pid: u32,
    mark: Option<ProcessMark>,
    child: Option<Child>,
}

impl Process {
    /// Starts a child process.
    ///
    /// # Errors
    /// [`Error::Io`] naming the program when it cannot be started.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        let what = format!("cannot start {}", command.get_program().to_string_lossy());
        let child = command.spawn().map_err(Error::io(what))?;
        Ok(Self { pid: child.id(), mark: mark_of(child.id()), child: Some(child) })
    }

    /// Finds a process by its number, if it still is the one with this mark: numbers are used again.
    #[must_use]
    pub fn attach(pid: u32, mark: &str) -> Option<Self> {
        let now = mark_of(pid)?;
        (now == mark).then_some(Self { pid, mark: Some(now), child: None })
    }

    /// The process's number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its mark, for [`Process::attach`] later; `None` when it had ended at once.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        self.mark.as_deref()
    }

    /// How our child ended, once it has; `None` while it lives and for a process that is not our child.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.as_mut()?.try_wait().ok().flatten()
    }

    /// Whether it still runs (a stopped one does).
    pub fn is_alive(&mut self) -> bool {
        if self.child.is_some() {
            return self.exit_status().is_none();
        }
        exists(self.pid) && mark_of(self.pid) == self.mark
    }

    /// Sends a signal, unless the process has ended.
    ///
    /// # Errors
    /// [`Error::Io`] when the system does not allow it.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        if self.is_alive() { send(self.pid, signal) } else { Ok(()) }
    }

    /// Waits until it has ended, at most `bound`; says whether it has.
    pub fn wait(&mut self, bound: Duration) -> bool {
        wait_until(bound, || !self.is_alive())
    }

    /// Asks it to end with `signal`; one that has not within `bound` is killed. Returns whether it went by itself.
    ///
    /// # Errors
    /// [`Error::Io`] when the system does not allow a signal, [`Error::Timeout`] when even SIGKILL does not end it.
    pub fn end(&mut self, signal: Signal, bound: Duration) -> Result<bool> {
        self.signal(signal)?;
        // A stopped process gets its signal only when it goes on.
        self.signal(Signal::CONT)?;
        if self.wait(bound) {
            return Ok(true);
        }
        self.signal(Signal::KILL)?;
        let last = Duration::from_secs(10);
        if self.wait(last) {
            return Ok(false);
        }
        Err(Error::Timeout {
            what: format!("the end of process {}", self.pid),
            after: last,
            detail: String::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_time_survives_odd_names() {
        let line = "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 1 1";
        assert_eq!(start_of(line), Some("98765"));
        assert_eq!(start_of(&line.replace(" S ", " Z ")), None);
        assert_eq!(start_of("nonsense"), None);
    }

    #[test]
    fn a_stale_number_is_not_attached_to() {
        let mut child = Process::spawn(Command::new("sleep").arg("600")).unwrap();
        let (pid, mark) = (child.pid(), child.mark().unwrap().to_owned());
        assert!(Process::attach(pid, &mark).is_some());
        assert!(Process::attach(pid, "another boot:1").is_none(), "same number, other process");
        assert!(children_of(std::process::id()).contains(&pid));
        assert!(child.end(Signal::TERM, Duration::from_secs(30)).unwrap());
        assert!(Process::attach(pid, &mark).is_none(), "it has ended");
    }
}
