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
/// A store or cache that ends is started again at most this often within [`RESTART_WINDOW`].
const RESTARTS: usize = 5;
/// See [`RESTARTS`].
const RESTART_WINDOW: Duration = Duration::from_secs(60);

/// Looks after the parts until a signal comes: a single Redis and Postgres are started again when they end. A cluster's node
/// is not, as its replica takes its place, and a drill is to show that. Without the server there is nothing to keep.
///
/// # Errors
/// When the server ended, or another part ends again and again.
pub fn keep(layout: &Layout, state: &mut State) -> Result<()> {
    let mut restarts: Vec<Instant> = Vec::new();
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
            if part == Part::Server {
                return Err(Problem::said(format!("the server ended; see {}", part.log(layout).display())));
            }
            if let Part::Node(index) = part {
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
                continue;
            }
            // Another verb at work may note a part; without the lock the next round tries.
            let Ok(_lock) = lock(layout) else { continue };
            *state = State::load(layout)?;
            restarts.retain(|at| at.elapsed() < RESTART_WINDOW);
            if restarts.len() >= RESTARTS {
                return Err(Problem::said(format!(
                    "{} ends again and again; see {}",
                    part.name(),
                    part.log(layout).display()
                )));
            }
            restarts.push(Instant::now());
            say::note(&format!("{} ended; starting it again", part.name()));
            let again = match part {
                Part::Redis => parts::start_redis(layout, state),
                _ => parts::start_postgres(layout, state),
            };
            if let Err(problem) = again {
                // The server lives on without either; the next round tries again, as often as allowed.
                say::error(&problem.to_string());
            }
        }
        thread::sleep(LOOK);
    }
    Ok(())
}
