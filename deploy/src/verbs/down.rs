//! `cargo deploy down`: stops what `up` started, in order.

use std::{fs::File, time::Duration};

use local_servers::Signal;

use super::up;
use crate::{
    layout::Layout,
    problem::{Problem, Result},
    say,
    state::State,
};

/// Longest wait for an `up` in the foreground, which stops the parts one after the other itself.
const SUPERVISOR: Duration = Duration::from_secs(150);

/// Stops everything; nothing running is fine.
///
/// # Errors
/// When a part cannot be stopped.
pub fn run(layout: &Layout) -> Result<u8> {
    if !layout.kept().exists() {
        say::done("nothing was ever started here");
        return Ok(0);
    }
    stop(layout).map(|_lock| 0)
}

/// Stops everything. The lock is still held, so that nobody starts it again meanwhile.
///
/// # Errors
/// As [`run`].
pub fn stop(layout: &Layout) -> Result<File> {
    let mut lock = up::lock(layout)?;
    let mut state = State::load(layout)?;
    if let Some(mut supervisor) = state.supervisor.as_ref().and_then(crate::running::Running::process) {
        supervisor.signal(Signal::TERM)?;
        // It stops what it looks after under the lock.
        drop(lock);
        if !supervisor.wait(SUPERVISOR) {
            return Err(Problem::said(format!("`up` (process {}) does not stop", supervisor.pid())));
        }
        say::done("the `up` in the foreground stopped");
        lock = up::lock(layout)?;
        state = State::load(layout)?;
    }
    let ran = !state.running_parts().is_empty();
    up::stop_all(layout, &mut state)?;
    if !ran {
        say::done("nothing runs");
    }
    Ok(lock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_starts_while_what_was_stopped_is_at_hand() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::at(dir.path().to_owned());
        layout.make_kept().unwrap();
        let lock = stop(&layout).unwrap();
        assert!(up::lock(&layout).is_err());
        drop(lock);
        // A process that another test is just starting has the lock too, for a moment.
        assert!(local_servers::wait_until(Duration::from_secs(60), || up::lock(&layout).is_ok()));
    }
}
