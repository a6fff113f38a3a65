//! `cargo deploy down`: stops what `up` started, in order.

use std::time::Duration;

use local_servers::Signal;

use super::up;
use crate::{
    layout::Layout,
    problem::{Problem, Result},
    say,
    state::State,
};

/// Longest wait for an `up` in the foreground, which stops the parts one after the other itself.
const KEEPER: Duration = Duration::from_secs(150);

/// Stops everything; nothing running is fine.
///
/// # Errors
/// When a part cannot be stopped.
pub fn run(layout: &Layout) -> Result<u8> {
    if !layout.kept().exists() {
        say::done("nothing was ever started here");
        return Ok(0);
    }
    let _lock = up::lock(layout)?;
    let mut state = State::load(layout)?;
    if let Some(mut keeper) = state.keeper.as_ref().and_then(crate::state::Running::process) {
        keeper.signal(Signal::TERM)?;
        if !keeper.wait(KEEPER) {
            return Err(Problem::said(format!("`up` (process {}) does not stop", keeper.pid())));
        }
        say::done("the `up` in the foreground stopped");
        state = State::load(layout)?;
    }
    let ran = !state.running_parts().is_empty();
    up::stop_all(layout, &mut state)?;
    if !ran {
        say::done("nothing runs");
    }
    Ok(0)
}
