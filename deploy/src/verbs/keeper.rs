//! Looking after the parts while `up` stays in the foreground.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::up::lock;
use crate::{
    layout::Layout,
    log_limit,
    parts::{self, Part},
    problem::{Problem, Result},
    say,
    state::State,
    stop,
};

/// How often the keeper looks after the parts.
const LOOK: Duration = Duration::from_millis(200);
/// How often it looks after the logs' lengths.
const LOOK_AT_LOGS: Duration = Duration::from_secs(2);
/// A part is started again at most this often within [`WINDOW`].
const RESTARTS: usize = 5;
/// See [`RESTARTS`].
const WINDOW: Duration = Duration::from_secs(60);
/// How long Redis or Postgres is left alone after that.
const GIVEN_UP: Duration = Duration::from_secs(300);
/// The wait before the second start within the window; it doubles with each further one.
const BACKOFF: Duration = Duration::from_secs(1);

/// Looks after the parts until a signal comes: one that ends is started again, after growing pauses. The server lives on
/// without Redis or Postgres, however often they end. A cluster's node is not started, as its replica takes its place, and a
/// drill is to show that.
///
/// # Errors
/// When the server ended too often: without it there is nothing to keep.
pub fn keep(layout: &Layout, state: &mut State) -> Result<()> {
    let mut attempts = Attempts::default();
    let mut told: Vec<Part> = Vec::new();
    let mut logs_seen = Instant::now();
    // One that an `up --detach` left behind may be at it still.
    let mut turn = log_limit::Turn::default();
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
                Part::Redis | Part::Postgres | Part::Server => restart(layout, state, part, &mut attempts)?,
            }
        }
        if logs_seen.elapsed() > LOOK_AT_LOGS {
            logs_seen = Instant::now();
            turn.keep(layout, &state.parts());
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

/// Starts a part again, unless that was tried too often lately, or only just now.
fn restart(layout: &Layout, state: &mut State, part: Part, attempts: &mut Attempts) -> Result<()> {
    let number = match attempts.next(part, Instant::now()) {
        Next::Start(number) => number,
        Next::Wait => return Ok(()),
        Next::GiveUp => return give_up(layout, part, attempts),
    };
    // Another verb at work may note a part; without the lock the next round tries.
    let Ok(_lock) = lock(layout) else { return Ok(()) };
    // What it is noted under is needed below: an adopted part is a living one.
    let ended = state.running(part).map(|it| it.pid);
    *state = State::load(layout)?;
    if state.process(part).is_some() {
        return Ok(());
    }
    attempts.made.push((part, Instant::now()));
    if let Some(pid) = ended {
        local_servers::reap(pid);
    }
    let last = if number == RESTARTS { ", for the last time within a minute" } else { "" };
    let log = part.log(layout);
    say::note(&format!("{} ended; starting it again{last} (see {})", part.name(), log.display()));
    let done = match (part, state.addr) {
        (Part::Redis, _) => parts::start_redis(layout, state),
        (Part::Server, Some(addr)) => parts::start_server(layout, state, addr, state.feed),
        (Part::Server, None) => Err(Problem::said("it is not known where the server listened")),
        _ => parts::start_postgres(layout, state),
    };
    match done {
        Ok(()) | Err(Problem::Interrupted) => {}
        // A later round tries again, as often as allowed.
        Err(problem) => say::error(&problem.to_string()),
    }
    Ok(())
}

/// Says that it was started often enough, and why it may not stay. Without the server there is nothing to keep.
fn give_up(layout: &Layout, part: Part, attempts: &mut Attempts) -> Result<()> {
    let name = part.name();
    let text = format!("{name} ended {} times within a minute; its log ends so:", RESTARTS + 1);
    let lines = parts::last_lines(part, layout);
    if part == Part::Server {
        return Err(Problem::said(format!("{text}{lines}")));
    }
    attempts.given_up.push((part, Instant::now()));
    say::error(&format!("{text}{lines}"));
    say::note(&format!(
        "{name} is tried again in {}; until then Tidemark goes on without it",
        say::short(GIVEN_UP)
    ));
    Ok(())
}

/// When which part was started again, and since when it is left alone.
#[derive(Default)]
struct Attempts {
    made: Vec<(Part, Instant)>,
    given_up: Vec<(Part, Instant)>,
}

/// What is to be done for a part that ended.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Start it, for this time within the window.
    Start(usize),
    /// Not yet.
    Wait,
    /// It was started often enough.
    GiveUp,
}

impl Attempts {
    fn next(&mut self, part: Part, now: Instant) -> Next {
        self.given_up.retain(|(_, at)| now.duration_since(*at) < GIVEN_UP);
        if self.given_up.iter().any(|(it, _)| *it == part) {
            return Next::Wait;
        }
        self.made.retain(|(_, at)| now.duration_since(*at) < WINDOW);
        let made = self.made.iter().filter(|(it, _)| *it == part);
        let (count, last) = (made.clone().count(), made.map(|(_, at)| *at).max());
        let Some(last) = last else { return Next::Start(1) };
        let pause =
            BACKOFF * 2_u32.saturating_pow(u32::try_from(count).unwrap_or(u32::MAX).saturating_sub(1));
        match now.duration_since(last) {
            waited if waited < pause => Next::Wait,
            _ if count >= RESTARTS => Next::GiveUp,
            _ => Next::Start(count + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_has_its_attempts_with_growing_pauses_and_gets_new_ones_in_time() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut attempts = Attempts::default();
        for (number, due) in [(1, 0), (2, 1), (3, 3), (4, 7), (5, 15)] {
            let before = at(due) - Duration::from_millis(1);
            if number > 1 {
                assert_eq!(attempts.next(Part::Postgres, before), Next::Wait, "{number}");
            }
            assert_eq!(attempts.next(Part::Postgres, at(due)), Next::Start(number));
            attempts.made.push((Part::Postgres, at(due)));
        }
        assert_eq!(attempts.next(Part::Postgres, at(31)), Next::GiveUp);
        assert_eq!(attempts.next(Part::Redis, at(31)), Next::Start(1), "another part is not held up");
        attempts.given_up.push((Part::Postgres, at(31)));
        assert_eq!(attempts.next(Part::Postgres, at(31 + 299)), Next::Wait);
        assert_eq!(attempts.next(Part::Postgres, at(31 + 300)), Next::Start(1));
    }
}
