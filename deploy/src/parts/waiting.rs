//! Waiting for a part that starts, or that was found running.

use std::time::Duration;

use local_servers::{Patience, wait_until};

use super::Part;
use crate::{
    problem::{Problem, Result},
    say,
    state::State,
    stop,
};

/// Longest wait for a server that reads its data or recovers from a crash. Progress is told meanwhile.
const RECOVERY: Duration = Duration::from_secs(15 * 60);
/// How often progress is told, in seconds.
const TELL_EVERY: u64 = 5;
/// Longest wait for the answer of a part that runs already.
const ANSWER: Duration = Duration::from_secs(30);
/// How the parts that have data are waited for: until they are ready, with a word now and then, and not past Ctrl-C.
pub(super) const PATIENCE: Patience = Patience { bound: RECOVERY, goes_on: tell_progress };

/// Says that it takes its time, every few seconds; no when we were asked to stop.
fn tell_progress(waited: Duration, log: &str) -> bool {
    let seconds = waited.as_secs();
    if seconds >= TELL_EVERY && seconds.is_multiple_of(TELL_EVERY) {
        let log = log.trim();
        let said = if log.is_empty() { String::new() } else { format!(": {log}") };
        say::line(&format!("   not ready after {seconds} s of {} at most{said}", RECOVERY.as_secs()));
    }
    !stop::asked()
}

/// Whether a part runs already, with a line that says so. One that an `up` that was killed had just started may not be ready
/// yet.
///
/// # Errors
/// When it runs and does not answer in time.
pub(super) fn found(part: Part, state: &State) -> Result<bool> {
    let Some(running) = state.running(part).filter(|it| it.process().is_some()) else { return Ok(false) };
    if !wait_until(ANSWER, || part.is_ready(state) || stop::asked()) {
        return Err(Problem::said(format!(
            "{} runs (process {}), but gives no answer within {} s: `cargo deploy logs {}` may tell why, `cargo deploy down` \
             ends it",
            part.name(),
            running.pid,
            ANSWER.as_secs(),
            part.name()
        )));
    }
    stop::check()?;
    let port = state.port(part).map(|port| format!(", port {port}")).unwrap_or_default();
    say::done(&format!("{} runs already (process {}{port})", part.name(), running.pid));
    Ok(true)
}
