//! Looking after the parts while `up` stays in the foreground.
//!
//! One loop looks at all parts in turn and waits for none to become ready: what it starts does so while it looks at the
//! others. The lock on the checkout is held for the start of a process alone. Before Postgres is started, that takes up to
//! 20 s if children of a killed one do not end.

use std::{
    thread,
    time::{Duration, Instant},
};

use local_servers::{Process, Signal, left_of_postgres};

use super::up::lock_within;
use crate::{
    layout::Layout,
    log_rotation,
    parts::{self, Part, RECOVERY, SERVER_READY},
    problem::{Problem, Result},
    running::Running,
    say,
    state::State,
    stop,
};

/// How often the supervisor looks after the parts.
const LOOK: Duration = Duration::from_millis(200);
/// How often it looks after the logs' lengths.
const LOOK_AT_LOGS: Duration = Duration::from_secs(2);
/// How often it looks whether a node that ended was started again, or a part that starts is ready.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How often it tells that a part is not ready yet.
const TELL_EVERY: Duration = Duration::from_secs(30);
/// How long a server that gave no answer, or a child of a killed Postgres, may take to end.
const END: Duration = Duration::from_secs(10);
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
pub fn supervise(layout: &Layout, state: &mut State) -> Result<()> {
    let mut supervisor = Supervisor {
        layout,
        state,
        attempts: Attempts::default(),
        starting: Vec::new(),
        ended_nodes: Vec::new(),
        unreadable: false,
        looked_again: Instant::now(),
        leftovers: Leftovers::default(),
    };
    let mut logs_seen = Instant::now();
    // One that an `up --detach` left behind may be at it still.
    let mut turn = log_rotation::Turn::default();
    while !stop::asked() {
        supervisor.look()?;
        if logs_seen.elapsed() > LOOK_AT_LOGS {
            logs_seen = Instant::now();
            turn.keep(layout, &supervisor.state.parts());
        }
        thread::sleep(LOOK);
    }
    Ok(())
}

struct Supervisor<'a> {
    layout: &'a Layout,
    state: &'a mut State,
    attempts: Attempts,
    /// Parts that were started and are not ready yet.
    starting: Vec<Starting>,
    /// Nodes whose end was told.
    ended_nodes: Vec<Part>,
    /// Whether the state could not be read or written when it was tried last.
    unreadable: bool,
    looked_again: Instant,
    /// The wait for children of a killed Postgres.
    leftovers: Leftovers,
}

/// A part that was started and is not ready yet.
struct Starting {
    part: Part,
    since: Instant,
    /// Where what it wrote to its log begins.
    log_from: u64,
    told: Duration,
    /// Since when it is to end.
    ending: Option<Instant>,
}

impl Supervisor<'_> {
    /// Looks at each part once.
    fn look(&mut self) -> Result<()> {
        let again = self.looked_again.elapsed() >= LOOK_AGAIN;
        if again {
            self.looked_again = Instant::now();
        }
        for part in self.state.parts() {
            if stop::asked() {
                break;
            }
            if self.state.process(part).is_some() {
                self.ended_nodes.retain(|it| *it != part);
                if part == Part::Postgres {
                    self.leftovers = Leftovers::default();
                }
                if again {
                    self.look_whether_ready(part);
                }
                continue;
            }
            self.note_failed_start(part);
            match part {
                Part::Node(_) => self.look_at_ended_node(part, again),
                Part::Redis | Part::Postgres | Part::Server => self.restart(part)?,
            }
        }
        Ok(())
    }

    /// Reads the state, in which other verbs note what they do. A file that cannot be read, or has lost what it held, is no
    /// reason to stop anything: the supervisor goes on with what it knew, and with the processes that it finds.
    fn read_state(&mut self) {
        match self.state.reload(self.layout) {
            Ok(()) => {
                // One that another verb wrote in the place of a damaged file lacks it.
                if self.state.supervisor.is_none() {
                    self.state.supervisor = Running::note(std::process::id());
                }
                self.unreadable = false;
            }
            Err(problem) => self.tell_unreadable(&problem),
        }
    }

    /// Writes the state. It is found again without, in the folders and among the processes.
    fn write_state(&mut self) {
        match self.state.save(self.layout) {
            // It is whole now, whatever it was before.
            Ok(()) => self.unreadable = false,
            Err(problem) => self.tell_unreadable(&problem),
        }
    }

    /// Reports it once, and again only if the state was read or written in between.
    fn tell_unreadable(&mut self, problem: &Problem) {
        if !self.unreadable {
            self.unreadable = true;
            say::error(&format!("{problem}. What runs goes on, and is looked after as it was known before"));
        }
    }

    fn look_at_ended_node(&mut self, part: Part, again: bool) {
        let told = self.ended_nodes.contains(&part);
        if told && !again {
            return;
        }
        // It may have been started again by `cluster start`, which notes it in the file.
        self.read_state();
        if self.state.process(part).is_none() && !told {
            self.ended_nodes.push(part);
            let number = part.name().trim_start_matches("redis-");
            say::note(&format!("{} ended; `cargo deploy cluster start {number}` starts it", part.name()));
        }
    }

    /// Starts a part again, unless that was tried too often lately, or only just now.
    fn restart(&mut self, part: Part) -> Result<()> {
        let number = match self.attempts.next(part, Instant::now()) {
            Next::Start(number) => number,
            Next::Wait => return Ok(()),
            Next::GiveUp => return give_up(self.layout, part, &mut self.attempts),
        };
        if part == Part::Postgres && self.is_left_of_postgres() {
            return Ok(());
        }
        // Another verb at work may note a part; without the lock the next round tries.
        let Ok(_lock) = lock_within(self.layout, Duration::ZERO) else { return Ok(()) };
        // What it is noted under is needed below: an adopted part is a living one.
        let ended = self.state.running(part).map(|it| it.pid);
        self.read_state();
        if self.state.process(part).is_some() {
            return Ok(());
        }
        self.attempts.made.push((part, Instant::now()));
        if let Some(pid) = ended {
            local_servers::reap(pid);
        }
        let last = if number == RESTARTS { ", for the last time within a minute" } else { "" };
        let log = part.log(self.layout);
        say::note(&format!("{} ended; starting it again{last} (see {})", part.name(), log.display()));
        match parts::launch(part, self.layout, self.state) {
            Ok(log_from) => {
                self.starting.push(Starting {
                    part,
                    since: Instant::now(),
                    log_from,
                    told: Duration::ZERO,
                    ending: None,
                });
                self.write_state();
            }
            Err(Problem::Interrupted) => {}
            // A later round tries again, as often as allowed.
            Err(problem) => say::error(&problem.to_string()),
        }
        Ok(())
    }

    /// Returns true while children of a Postgres that was killed have to be waited for. Those that do not end are killed.
    fn is_left_of_postgres(&mut self) -> bool {
        let left = self.state.postgres_data.as_deref().map(left_of_postgres).unwrap_or_default();
        let step = self.leftovers.next(left.is_empty(), Instant::now());
        if step == LeftoverStep::Kill {
            for pid in left {
                let process = local_servers::mark_of(pid).and_then(|mark| Process::attach(pid, &mark));
                // Postgres itself reports one that cannot be killed, as it does not start next to it.
                drop(process.map(|mut it| it.signal(Signal::KILL)));
            }
        }
        step != LeftoverStep::Start
    }

    /// Says why a part that was just started has ended.
    fn note_failed_start(&mut self, part: Part) {
        let Some(at) = self.starting.iter().position(|it| it.part == part) else { return };
        let starting = self.starting.remove(at);
        if starting.ending.is_none() {
            say::error(&parts::why_ended(part, self.layout, self.state, starting.log_from).to_string());
        }
    }

    /// Looks whether a part that was started is ready. A server that gives no answer in time is ended, and so started again;
    /// Redis and Postgres are left to read their data.
    fn look_whether_ready(&mut self, part: Part) {
        let Some(at) = self.starting.iter().position(|it| it.part == part) else { return };
        if part.is_ready(self.state) {
            let took = self.starting.remove(at).since.elapsed();
            say::done(&format!("{} answers again after {}", part.name(), say::short(took)));
            return;
        }
        let starting = &mut self.starting[at];
        let waited = starting.since.elapsed();
        let name = part.name();
        if waited >= starting.told + TELL_EVERY {
            starting.told = waited;
            say::note(&format!("{name} is not ready after {}", say::short(waited)));
        }
        match overdue(part, waited, starting.ending.map(|since| since.elapsed())) {
            Overdue::Wait => {}
            Overdue::End(signal) => {
                starting.ending.get_or_insert_with(Instant::now);
                say::error(&format!(
                    "the server gives no good answer within {} s and is ended",
                    SERVER_READY.as_secs()
                ));
                if let Some(mut process) = self.state.process(part) {
                    // The next look tries again where the signal fails.
                    drop(process.signal(signal));
                }
            }
            Overdue::Leave => {
                self.starting.remove(at);
                say::error(&format!(
                    "{name} is not ready after {}: it is left at its work (`cargo deploy logs {name}`)",
                    say::short(RECOVERY)
                ));
            }
        }
    }
}

/// What is done about a part that was started and is not ready.
#[derive(Debug, PartialEq, Eq)]
enum Overdue {
    /// Nothing yet.
    Wait,
    /// The server ends by this signal.
    End(Signal),
    /// Redis or Postgres goes on reading its data, and is not waited for any more.
    Leave,
}

/// What is done after this wait; `ending` says how long ago the server was asked to end.
fn overdue(part: Part, waited: Duration, ending: Option<Duration>) -> Overdue {
    match (part, ending) {
        (Part::Server, None) if waited >= SERVER_READY => Overdue::End(Signal::TERM),
        (Part::Server, Some(since)) if since >= END => Overdue::End(Signal::KILL),
        (Part::Redis | Part::Node(_) | Part::Postgres, _) if waited >= RECOVERY => Overdue::Leave,
        _ => Overdue::Wait,
    }
}

/// The wait for what is left of a killed Postgres.
#[derive(Default)]
struct Leftovers {
    since: Option<Instant>,
}

/// What is done about it.
#[derive(Debug, PartialEq, Eq)]
enum LeftoverStep {
    /// Nothing is left, or the wait is over: the start itself reports what is in its way.
    Start,
    /// They end on their own.
    Wait,
    /// They had time for that.
    Kill,
}

impl Leftovers {
    /// What is done now. Each killed Postgres has a wait of its own.
    fn next(&mut self, none_left: bool, now: Instant) -> LeftoverStep {
        if none_left {
            self.since = None;
            return LeftoverStep::Start;
        }
        let waited = now.duration_since(*self.since.get_or_insert(now));
        if waited < END {
            return LeftoverStep::Wait;
        }
        if waited < 2 * END {
            return LeftoverStep::Kill;
        }
        self.since = None;
        LeftoverStep::Start
    }
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

    #[test]
    fn children_of_each_killed_postgres_have_time_to_end() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut leftovers = Leftovers::default();
        for (second, step) in [
            (0, LeftoverStep::Wait),
            (9, LeftoverStep::Wait),
            (10, LeftoverStep::Kill),
            (19, LeftoverStep::Kill),
            (20, LeftoverStep::Start),
            // Those of the next one.
            (60, LeftoverStep::Wait),
            (70, LeftoverStep::Kill),
        ] {
            assert_eq!(leftovers.next(false, at(second)), step, "{second}");
        }
        assert_eq!(leftovers.next(true, at(71)), LeftoverStep::Start);
        assert_eq!(leftovers.next(false, at(72)), LeftoverStep::Wait);
    }

    #[test]
    fn only_the_server_is_ended_when_it_does_not_become_ready() {
        let of = |part, waited, ending: Option<u64>| {
            overdue(part, Duration::from_secs(waited), ending.map(Duration::from_secs))
        };
        assert_eq!(of(Part::Server, 59, None), Overdue::Wait);
        assert_eq!(of(Part::Server, 60, None), Overdue::End(Signal::TERM));
        assert_eq!(of(Part::Server, 69, Some(9)), Overdue::Wait);
        assert_eq!(of(Part::Server, 70, Some(10)), Overdue::End(Signal::KILL));
        assert_eq!(of(Part::Server, 1_000, Some(1)), Overdue::Wait);
        for part in [Part::Redis, Part::Postgres] {
            assert_eq!(of(part, 899, None), Overdue::Wait);
            assert_eq!(of(part, 900, None), Overdue::Leave);
        }
    }
}
