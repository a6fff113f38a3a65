//! The parts that `up` runs: how each is started, asked and stopped.

mod postgres;
mod redis;
mod server;
mod waiting;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{ValueEnum, builder::PossibleValue};
use local_servers::{Signal, free_port, port_is_free, postgres_on};

pub use postgres::start_postgres;
pub use redis::{require_cluster_ports, start_cluster, start_node, start_redis};
pub use server::{
    SERVER_READY, database_url, require_free, serve_settings, server_command, start_server, step_command,
};

pub use waiting::RECOVERY;
use waiting::{PATIENCE, found};

use crate::{
    explain, health,
    layout::Layout,
    log_rotation, port_holder, probe,
    problem::{Problem, Result},
    recover, release, say,
    state::State,
};

/// Nodes of the local cluster: three masters with a replica each.
pub const NODES: u8 = 6;
/// One of the things that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The cache's second tier as one server.
    Redis,
    /// A node of it as a cluster, from 0 to [`NODES`] - 1.
    Node(u8),
    /// The store.
    Postgres,
    /// Tidemark itself.
    Server,
}

impl Part {
    /// As it is called on the command line and in names of files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Node(index) => NODE_NAMES.get(usize::from(index)).copied().unwrap_or("redis-?"),
            Self::Postgres => "postgres",
            Self::Server => "server",
        }
    }

    /// Its log.
    pub fn log(self, layout: &Layout) -> PathBuf {
        layout.logs().join(format!("{}.log", self.name()))
    }

    /// Asks it whether it is well; the answer in a word or two.
    pub fn health(self, state: &State) -> std::result::Result<String, String> {
        let yes =
            |good: bool| if good { Ok("answers".to_owned()) } else { Err("does not answer".to_owned()) };
        match self {
            Self::Redis => yes(state.redis_port.is_some_and(probe::redis_answers)),
            Self::Node(index) => redis::node_health(state, index),
            Self::Postgres => yes(state.postgres_port.is_some_and(probe::postgres_answers)),
            Self::Server => state.addr.map_or_else(
                || yes(false),
                |addr| health::server(probe::reachable(addr)).map_err(|it| it.to_string()),
            ),
        }
    }

    /// Whether it takes work, in whatever state it is otherwise.
    pub fn is_ready(self, state: &State) -> bool {
        match self {
            Self::Redis | Self::Node(_) => state.port(self).is_some_and(probe::redis_answers),
            Self::Postgres => match &state.postgres_data {
                Some(dir) => postgres_on(dir).is_some_and(|it| it.ready),
                None => state.postgres_port.is_some_and(probe::postgres_answers),
            },
            Self::Server => {
                let answer = state.addr.and_then(|addr| probe::get(probe::reachable(addr), "/healthz"));
                matches!(answer, Some((200, _)))
            }
        }
    }

    /// Whether it lives and says that it reads its data or recovers, which may take long.
    pub fn is_loading(self, state: &State) -> bool {
        match self {
            Self::Redis | Self::Node(_) => state.port(self).is_some_and(probe::redis_loads),
            Self::Postgres => {
                let noted = state.postgres_data.as_deref();
                noted.and_then(postgres_on).is_some_and(|it| !it.ready)
            }
            // It answers while it loads.
            Self::Server => false,
        }
    }

    /// Stops it in an orderly way, killing it past its bound, and forgets it. Says whether it ran.
    ///
    /// # Errors
    /// When it cannot be stopped.
    pub fn stop(self, state: &mut State) -> Result<bool> {
        let Some(mut process) = state.process(self) else {
            state.set(self, None);
            return Ok(false);
        };
        let (signal, bound) = match self {
            // "Fast shutdown": cuts connections and writes a checkpoint.
            Self::Postgres => (Signal::INT, Duration::from_secs(60)),
            Self::Redis | Self::Node(_) | Self::Server => (Signal::TERM, Duration::from_secs(30)),
        };
        if !process.end(signal, bound)? {
            say::note(&format!("{} did not stop within {} s and was killed", self.name(), bound.as_secs()));
        }
        state.set(self, None);
        Ok(true)
    }
}

/// Starts the process of a part that has ended, with the settings that are noted, and notes it in the state; does not wait
/// until it is ready. Where what it writes to its log begins.
///
/// # Errors
/// When that fails at once.
pub fn launch(part: Part, layout: &Layout, state: &mut State) -> Result<u64> {
    let log = fresh_log(part, layout);
    match part {
        Part::Redis => {
            let port = choose_port(part, state, redis::REDIS_PORT)?;
            redis::launch_redis(layout, state, port, &log).map(drop)
        }
        Part::Postgres => {
            postgres::require_data(layout, state)?;
            let port = choose_port(part, state, postgres::POSTGRES_PORT)?;
            postgres::launch_postgres(layout, state, port, &log).map(drop)
        }
        Part::Server => {
            let addr =
                state.addr.ok_or_else(|| Problem::said("it is not known where the server listened"))?;
            require_free(addr)?;
            // Not what was built since, which its site may not fit.
            let release = match release::current(layout) {
                Some(release) => release,
                None => release::take_or_current(layout, "`cargo deploy up` builds it")?,
            };
            server::launch_server(layout, state, addr, state.feed, &release, &log.path).map(drop)
        }
        Part::Node(_) => Err(Problem::said("a node is started by `cargo deploy cluster start`")),
    }?;
    Ok(log.end)
}

/// Why a part that was launched has ended, by what it wrote to its log from there on.
pub fn why_ended(part: Part, layout: &Layout, state: &State, from: u64) -> Problem {
    let data = match part {
        Part::Redis => recover::redis_data(layout),
        Part::Node(index) => recover::node_data(layout, index),
        Part::Postgres => state.postgres_data.clone().unwrap_or_default(),
        Part::Server => layout.kept(),
    };
    explain::ended(layout, part, &data, from)
}

/// As on the command line, and in names of logs.
const NODE_NAMES: [&str; NODES as usize] = ["redis-1", "redis-2", "redis-3", "redis-4", "redis-5", "redis-6"];

impl ValueEnum for Part {
    fn value_variants<'a>() -> &'a [Self] {
        use Part::{Node, Postgres, Redis, Server};
        &[Redis, Node(0), Node(1), Node(2), Node(3), Node(4), Node(5), Postgres, Server]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()))
    }
}

/// The port of last time or the usual one; when somebody else has it, a free one that is remembered.
///
/// # Errors
/// When it is taken and the server runs, which was told this port when it started.
fn choose_port(part: Part, state: &State, usual: u16) -> Result<u16> {
    let wanted = state.port(part).unwrap_or(usual);
    if port_is_free(wanted) {
        return Ok(wanted);
    }
    let holder = port_holder::of(wanted).map(|who| format!(" by {who}")).unwrap_or_default();
    let name = part.name();
    if state.process(Part::Server).is_some() {
        return Err(Problem::said(format!(
            "port {wanted} is taken{holder}, and the server that runs looks for {name} there: free it, or `cargo deploy \
             down` and `up` for another one"
        )));
    }
    let port = free_port()?;
    say::note(&format!("port {wanted} is taken{holder}; {name} gets {port}"));
    Ok(port)
}

/// A secret's file.
fn read_secret(path: &Path) -> Result<String> {
    let text = fs::read_to_string(path).map_err(Problem::io(format!("cannot read {}", path.display())))?;
    Ok(text.trim().to_owned())
}

/// A part's log before a start.
struct LogStart {
    path: PathBuf,
    /// Its length: what the start writes comes after it.
    end: u64,
}

/// A part's log. One that grew long is put aside first, unless another process looks after the logs.
fn fresh_log(part: Part, layout: &Layout) -> LogStart {
    let path = part.log(layout);
    log_rotation::Turn::default().keep(layout, &[part]);
    let end = explain::end_of_log(&path);
    LogStart { path, end }
}

/// The end of a part's log, indented, for a message.
pub fn last_lines(part: Part, layout: &Layout) -> String {
    let text = explain::read_from(&part.log(layout), 0);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].iter().map(|line| format!("\n  {line}")).collect()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use local_servers::wait_until;

    use super::*;
    use crate::running::Running;

    #[test]
    fn a_taken_port_is_passed_over_unless_the_server_was_told_it() {
        let port = free_port().unwrap();
        let mut state = State::default();
        state.redis_port = Some(port);
        assert_eq!(choose_port(Part::Redis, &state, 1).unwrap(), port);
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        assert_ne!(choose_port(Part::Redis, &state, 1).unwrap(), port);
        state.set(Part::Server, Running::note(std::process::id()));
        let error = choose_port(Part::Redis, &state, 1).unwrap_err().to_string();
        assert!(error.starts_with(&format!("port {port} is taken")) && error.contains("down"), "{error}");
        drop(listener);
        // A process that another test is just starting has the listener too, for a moment.
        let freed = || choose_port(Part::Redis, &state, 1).is_ok_and(|it| it == port);
        assert!(wait_until(Duration::from_secs(60), freed));
    }
}
