//! Waiting for a part that starts, or that was found running.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use local_servers::{Patience, wait_until};

use super::Part;
use crate::{
    layout::Layout,
    problem::{Problem, Result},
    say,
    state::State,
    stop,
};

/// Longest wait for a server that reads its data or recovers from a crash. Progress is told meanwhile.
pub const RECOVERY: Duration = Duration::from_secs(15 * 60);
/// How often progress is told, in seconds.
const TELL_EVERY: u64 = 5;
/// Longest wait for a word of a part that runs already.
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

/// How a part is that was found running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It takes work.
    Ready,
    /// It reads its data or recovers.
    Loading,
    /// It says nothing.
    Silent,
    /// It has ended.
    Ended,
}

/// Waits until it is ready or has ended, past `answer` only while it loads, and not past Ctrl-C. How it is then.
fn wait_for(log: &Path, answer: Duration, patience: Patience, mut look: impl FnMut() -> Found) -> Found {
    let mut found = Found::Silent;
    let mut loaded = Instant::now();
    let mut over = |found: &mut Found| {
        *found = look();
        if *found == Found::Loading {
            loaded = Instant::now();
        }
        matches!(found, Found::Ready | Found::Ended) || loaded.elapsed() >= answer
    };
    // In silence as long as it may be that there is nothing to tell.
    wait_until(answer, || over(&mut found) || found == Found::Loading || stop::asked());
    if found == Found::Loading {
        patience.wait(Some(log), || over(&mut found));
    }
    found
}

/// Whether a part runs already, with a line that says so. One that an `up` that was killed had just started may not be ready
/// yet: it is waited for as that one would have.
///
/// # Errors
/// When it runs and does not answer in time.
pub(super) fn found(part: Part, layout: &Layout, state: &State) -> Result<bool> {
    let Some(running) = state.running(part).filter(|it| it.process().is_some()) else { return Ok(false) };
    let found = wait_for(&part.log(layout), ANSWER, PATIENCE, || {
        if running.process().is_none() {
            Found::Ended
        } else if part.is_ready(state) {
            Found::Ready
        } else if part.is_loading(state) {
            Found::Loading
        } else {
            Found::Silent
        }
    });
    stop::check()?;
    let (name, pid) = (part.name(), running.pid);
    let trouble = match found {
        Found::Ended => return Ok(false),
        Found::Ready => {
            let port = state.port(part).map(|port| format!(", port {port}")).unwrap_or_default();
            say::done(&format!("{name} runs already (process {pid}{port})"));
            return Ok(true);
        }
        Found::Loading => format!("is not ready after {} s", RECOVERY.as_secs()),
        Found::Silent => format!("gives no answer within {} s", ANSWER.as_secs()),
    };
    Err(Problem::said(format!(
        "{name} runs (process {pid}), but {trouble}: `cargo deploy logs {name}` may tell why, `cargo deploy down` ends it"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How it is after these looks, the last of which goes on.
    fn waited(answer: Duration, looks: &[(usize, Found)]) -> Found {
        let mut told = looks.iter().flat_map(|(times, found)| std::iter::repeat_n(*found, *times));
        let last = looks[looks.len() - 1].1;
        let patience = Patience::silent(Duration::from_secs(60));
        wait_for(Path::new("none.log"), answer, patience, || told.next().unwrap_or(last))
    }

    #[test]
    fn only_one_that_loads_is_waited_for_long() {
        use Found::{Ended, Loading, Ready, Silent};
        let (short, long) = (Duration::from_millis(1), Duration::from_secs(60));
        assert_eq!(waited(long, &[(3, Silent), (1, Ready)]), Ready);
        assert_eq!(waited(short, &[(1, Silent)]), Silent);
        assert_eq!(waited(short, &[(20, Loading), (1, Ready)]), Ready, "far past the time for an answer");
        assert_eq!(waited(short, &[(5, Loading), (1, Silent)]), Silent, "it hangs");
        assert_eq!(waited(long, &[(5, Loading), (1, Ended)]), Ended);
    }
}
