//! Looking after the parts while `up` stays in the foreground.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::up::lock;
use crate::{
    layout::Layout,
    parts::{self, Part},
    problem::{Problem, Result},
    say,
    state::State,
    stop,
};

/// How often the keeper looks after the parts.
const LOOK: Duration = Duration::from_millis(200);
/// Redis or Postgres is started again at most this often within [`RESTART_WINDOW`].
const RESTARTS: usize = 5;
/// See [`RESTARTS`].
const RESTART_WINDOW: Duration = Duration::from_secs(60);

/// Looks after the parts until a signal comes: a single Redis and Postgres are started again when they end. The server
/// lives on without either, however often they end. A cluster's node is not started, as its replica takes its place, and a
/// drill is to show that. Without the server there is nothing to keep.
///
/// # Errors
/// When the server ended.
pub fn keep(layout: &Layout, state: &mut State) -> Result<()> {
    let mut attempts = Attempts::default();
    let mut told: Vec<Part> = Vec::new();
    while !stop::asked() {
        for part in state.parts() {
            if stop::asked() {
                break;
            }
            if state.process(part).is_some() {
                told.retain(|it| *it != part);
                continue;
            }
            match part {
                Part::Server => {
                    return Err(Problem::said(format!(
                        "the server ended; see {}",
                        part.log(layout).display()
                    )));
                }
                Part::Node(index) => {
                    // It may have been started again by `cluster start`, which notes it in the file.
                    *state = State::load(layout)?;
                    if state.process(part).is_none() && !told.contains(&part) {
                        told.push(part);
                        let number = index + 1;
                        say::note(&format!(
                            "{} ended; `cargo deploy cluster start {number}` starts it",
                            part.name()
                        ));
                    }
                }
                Part::Redis | Part::Postgres => restart(layout, state, part, &mut attempts)?,
            }
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// Starts Redis or Postgres again, unless that was tried too often lately.
fn restart(layout: &Layout, state: &mut State, part: Part, attempts: &mut Attempts) -> Result<()> {
    let left = attempts.left(part, Instant::now());
    if left == 0 {
        return Ok(());
    }
    // Another verb at work may note a part; without the lock the next round tries.
    let Ok(_lock) = lock(layout) else { return Ok(()) };
    *state = State::load(layout)?;
    if state.process(part).is_some() {
        return Ok(());
    }
    attempts.0.push((part, Instant::now()));
    if let Some(ended) = state.running(part) {
        local_servers::reap(ended.pid);
    }
    let last = if left == 1 { ", for the last time within a minute" } else { "" };
    let log = part.log(layout);
    say::note(&format!("{} ended; starting it again{last} (see {})", part.name(), log.display()));
    let done = match part {
        Part::Redis => parts::start_redis(layout, state),
        _ => parts::start_postgres(layout, state),
    };
    if let Err(problem) = done {
        // The next round tries again, as often as allowed.
        say::error(&problem.to_string());
    }
    Ok(())
}

/// When which part was started again.
#[derive(Default)]
struct Attempts(Vec<(Part, Instant)>);

impl Attempts {
    /// How often a part may be started yet.
    fn left(&mut self, part: Part, now: Instant) -> usize {
        self.0.retain(|(_, at)| now.duration_since(*at) < RESTART_WINDOW);
        RESTARTS.saturating_sub(self.0.iter().filter(|(it, _)| *it == part).count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_attempts_and_gets_new_ones_in_time() {
        let now = Instant::now();
        let mut attempts = Attempts(vec![(Part::Postgres, now); RESTARTS]);
        assert_eq!(attempts.left(Part::Postgres, now), 0);
        assert_eq!(attempts.left(Part::Redis, now), RESTARTS, "another part is not held up");
        let moment = Duration::from_millis(1);
        assert_eq!(attempts.left(Part::Postgres, now + RESTART_WINDOW - moment), 0);
        assert_eq!(attempts.left(Part::Postgres, now + RESTART_WINDOW), RESTARTS);
    }
}
