//! Keeps the logs from filling the disk: one that grew long is put aside and begun anew while its part goes on writing.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use local_servers::wait_until;

use crate::{
    file_lock,
    layout::Layout,
    parts::Part,
    problem::{Problem, Result},
    recover, say,
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

/// Longest wait for another one that is about to end.
const TURN: Duration = Duration::from_secs(5);

/// The right to shorten the logs of a checkout: two at it would spoil each other's copies. It ends with its holder.
#[derive(Default)]
pub struct Turn(Option<File>);

impl Turn {
    /// Shortens these logs where it is necessary, unless another process looks after them.
    pub fn keep(&mut self, layout: &Layout, parts: &[Part]) {
        // A folder without room for the lock's file is no reason to fail: a later look tries again.
        if self.take(layout).unwrap_or_default() {
            parts.iter().for_each(|part| keep_below(&part.log(layout), LIMIT));
        }
    }

    /// Takes it if it is free; whether it is ours now.
    fn take(&mut self, layout: &Layout) -> Result<bool> {
        if self.0.is_none() {
            self.0 = file_lock::try_lock(&layout.logs().join("lock"))?;
        }
        Ok(self.0.is_some())
    }
}

/// Puts this log aside if it is too long. Its writer keeps the file, as it appends to it. What is written while it is copied
/// is copied, too; only what comes between the last read and the truncation, right after it, is lost. On a full disk the old
/// lines are given up for the new ones.
pub fn keep_below(log: &Path, limit: u64) {
    let length = fs::metadata(log).map_or(0, |meta| meta.len());
    if length <= limit {
        return;
    }
    let new = log.with_extension("log.new");
    let shorten = || {
        let file = File::options().read(true).write(true).open(log)?;
        // A writer that is faster than the copy must not keep it going for ever.
        let copied = copy(&file, &new, length.saturating_add(limit));
        // Written in append mode, it goes on at the new end.
        file.set_len(0)?;
        if copied.and_then(|()| fs::rename(&new, aside(log))).is_err() {
            drop(fs::remove_file(&new));
        }
        Ok::<(), std::io::Error>(())
    };
    if let Err(error) = shorten() {
        say::aside(&format!("{} cannot be kept short: {error}", log.display()));
    }
}

/// Copies a file to its end, with what is written to it meanwhile, up to `most` bytes.
fn copy(file: &File, to: &Path, most: u64) -> std::io::Result<()> {
    // As private as the log.
    let mode = file.metadata()?.permissions();
    let mut to = File::create(to)?;
    to.set_permissions(mode)?;
    std::io::copy(&mut file.take(most), &mut to).map(drop)
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

/// Looks after the logs until nothing runs any more. Ends after a moment when another process does so.
///
/// # Errors
/// When the logs' folder cannot be used.
pub fn run(layout: &Layout) -> Result<u8> {
    let mut turn = Turn::default();
    let mut taken = Ok(false);
    wait_until(TURN, || {
        taken = turn.take(layout);
        !matches!(taken, Ok(false)) || stop::asked()
    });
    if !taken? {
        return Ok(0);
    }
    let mut idle = 0;
    let mut state = None;
    while idle < IDLE && !stop::asked() {
        // What cannot be read now, as when there are too many open files, is as it was before; what runs goes on writing.
        state = State::load(layout).ok().or(state);
        let state = state.get_or_insert_with(|| recover::found(layout));
        turn.keep(layout, &state.parts());
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

    #[test]
    fn what_is_written_while_a_log_is_copied_is_copied_too() {
        let dir = tempfile::tempdir().unwrap();
        let (log, new) = (dir.path().join("log"), dir.path().join("new"));
        // A pipe: what comes after the first part is written once that has been copied.
        rustix::fs::mkfifoat(rustix::fs::CWD, &log, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
        let writer = thread::spawn({
            let (log, new) = (log.clone(), new.clone());
            move || {
                let mut writer = File::options().write(true).open(log).unwrap();
                writer.write_all(b"one\n").unwrap();
                let first = wait_until(Duration::from_secs(60), || {
                    fs::read(&new).is_ok_and(|copied| copied == b"one\n")
                });
                writer.write_all(b"two\n").unwrap();
                first
            }
        });
        copy(&File::open(&log).unwrap(), &new, 100).unwrap();
        assert!(writer.join().unwrap());
        assert_eq!(fs::read_to_string(&new).unwrap(), "one\ntwo\n");
        // A writer that is faster than the copy does not keep it going.
        fs::remove_file(&log).unwrap();
        fs::write(&log, "123456").unwrap();
        copy(&File::open(&log).unwrap(), &new, 4).unwrap();
        assert_eq!(fs::read_to_string(&new).unwrap(), "1234");
    }

    #[test]
    fn only_one_at_a_time_shortens_the_logs() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path().to_owned());
        layout.make().unwrap();
        let log = Part::Server.log(&layout);
        let (mut first, mut second) = (Turn::default(), Turn::default());
        first.keep(&layout, &[Part::Server]);
        let length = || fs::metadata(&log).unwrap().len();
        File::create(&log).unwrap().set_len(LIMIT + 1).unwrap();
        second.keep(&layout, &[Part::Server]);
        assert_eq!(length(), LIMIT + 1, "the first one may be at it");
        first.keep(&layout, &[Part::Server]);
        assert_eq!(length(), 0);
        File::create(&log).unwrap().set_len(LIMIT + 1).unwrap();
        drop(first);
        // A process that another test is just starting has the lock too, for a moment.
        assert!(wait_until(Duration::from_secs(60), || {
            second.keep(&layout, &[Part::Server]);
            length() == 0
        }));
    }
}
