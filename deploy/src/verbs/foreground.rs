//! `up` in the foreground, which looks after what it started; and leaving it to the background.

use std::{fs::File, time::Duration};

use super::{supervisor, up};
use crate::{layout::Layout, log_rotation, problem::Result, running::Running, say, state::State, stop};

/// Longest wait for another verb before all is stopped.
const STOP_LOCK: Duration = Duration::from_secs(5);

/// Whether an `up` in the foreground looks after what runs.
pub enum NotedSupervisor {
    /// None ever did, or it said goodbye.
    None,
    /// It was killed.
    Gone,
    /// The one with this number.
    Lives(u32),
}

impl NotedSupervisor {
    /// As noted.
    pub fn of(state: &State) -> Self {
        match &state.supervisor {
            None => Self::None,
            Some(noted) if noted.process().is_some() => Self::Lives(noted.pid),
            Some(_) => Self::Gone,
        }
    }
}

/// Looks after what runs until a signal comes, and stops it all then. The lock is held until that is noted.
///
/// # Errors
/// When it cannot be noted, the server ends too often, or a part cannot be stopped. All is stopped then, too.
pub fn look_after(layout: &Layout, mut state: State, lock: File) -> Result<u8> {
    state.supervisor = Running::note(std::process::id());
    let noted = state.save(layout);
    drop(lock);
    let kept = noted.and_then(|()| {
        say::line("Ctrl-C stops it all.");
        supervisor::supervise(layout, &mut state)
    });
    if stop::asked() {
        say::line("Stopping. Press Ctrl-C again to exit now; parts that still run stay up.");
    }
    // Another verb that starts something at this moment would leave it running. One that takes longer is not waited for.
    let lock = up::lock_within(layout, STOP_LOCK).ok();
    // `cluster start` may have noted a node since. Without the file, what is known is stopped.
    drop(state.reload(layout));
    let stopped = up::stop_all(layout, &mut state);
    drop(lock);
    kept.and(stopped).map(|()| 0)
}

/// Leaves what runs to itself, but for its logs. An `up` that looked after it and was killed is forgotten.
///
/// # Errors
/// When that cannot be noted, or what keeps the logs short cannot be started.
pub fn leave(layout: &Layout, mut state: State) -> Result<u8> {
    if state.supervisor.take().is_some() {
        state.save(layout)?;
    }
    log_rotation::start_behind(layout).map(|()| 0)
}
