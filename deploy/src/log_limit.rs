//! Keeps the logs from filling the disk: one that grew long is put aside and begun anew while its part goes on writing.

use std::{
    fs::{self, File},
    io,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use crate::{
    layout::Layout,
    problem::{Problem, Result},
    say,
    state::State,
    stop,
};

/// A log longer than this in bytes is put aside as `….log.1`, in place of the one before. So a part has at most twice this,
/// and what it writes between two looks.
const LIMIT: u64 = 16 << 20;
/// How often the one in the background looks.
const LOOK: Duration = Duration::from_secs(1);
/// So many looks in a row without anything running end it.
const IDLE: u32 = 3;

/// Puts this log aside if it is too long. Its writer keeps the file, as it appends to it; a line that it writes in this very
/// moment may be lost. On a full disk the old lines are given up for the new ones.
pub fn keep(log: &Path) {
    keep_below(log, LIMIT);
}

fn keep_below(log: &Path, limit: u64) {
    if fs::metadata(log).is_ok_and(|meta| meta.len() > limit) {
        let (new, aside) = (log.with_extension("log.new"), aside(log));
        if fs::copy(log, &new).and_then(|_| fs::rename(&new, &aside)).is_err() {
            drop(fs::remove_file(&new));
        }
        // Written in append mode, it goes on at the new end.
        let emptied = File::options().write(true).open(log).and_then(|file| file.set_len(0));
        if let Err(error) = emptied {
            say::aside(&format!("{} cannot be kept short: {error}", log.display()));
        }
    }
}

/// Where a log is put aside.
pub fn aside(log: &Path) -> PathBuf {
    log.with_extension("log.1")
}

/// Starts the one in the background.
///
/// # Errors
/// When this program cannot be started again.
pub fn start_behind(layout: &Layout) -> Result<()> {
    let what = "cannot start what keeps the logs short";
    let program = std::env::current_exe().map_err(Problem::io(what))?;
    let mut command = Command::new(program);
    command.arg("limit-logs").current_dir(layout.root()).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // It outlives us, and whoever started us waits for it.
    command.spawn().map(drop).map_err(Problem::io(what))
}

/// Looks after the logs until nothing runs any more. A second one at it ends at once.
///
/// # Errors
/// When the logs' folder cannot be used.
pub fn run(layout: &Layout) -> Result<u8> {
    let path = layout.logs().join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path);
    match lock.as_ref().map(File::try_lock) {
        Ok(Ok(())) => {}
        Ok(Err(fs::TryLockError::WouldBlock)) => return Ok(0),
        Ok(Err(fs::TryLockError::Error(error))) => return Err(Problem::io("cannot lock")(error)),
        Err(error) => {
            return Err(Problem::io(format!("cannot lock {}", path.display()))(io::Error::from(
                error.kind(),
            )));
        }
    }
    let mut idle = 0;
    while idle < IDLE && !stop::asked() {
        let Ok(state) = State::load(layout) else { break };
        for part in state.parts() {
            keep(&part.log(layout));
        }
        idle = if state.running_parts().is_empty() { idle + 1 } else { 0 };
        thread::sleep(LOOK);
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_long_log_is_put_aside_under_its_writer() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("server.log");
        let mut writer = File::options().create(true).append(true).open(&log).unwrap();
        writer.write_all(b"one\n").unwrap();
        keep_below(&log, 4);
        assert_eq!(fs::read_to_string(&log).unwrap(), "one\n", "not too long yet");
        writer.write_all(b"two\n").unwrap();
        keep_below(&log, 4);
        writer.write_all(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(&log).unwrap(), "three\n");
        assert_eq!(fs::read_to_string(dir.path().join("server.log.1")).unwrap(), "one\ntwo\n");
        keep_below(&dir.path().join("none.log"), 4);
    }
}
